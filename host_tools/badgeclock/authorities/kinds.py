"""The kinds of authorities, and the one in the settings.

An authority of kind `some-name` is the module `some_name` beside this one, with `Settings`, a model of its part of the
settings, and `connect`, which makes its client. A new kind needs no other change.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError
from pydantic_core import PydanticCustomError

from badgeclock.authorities.base import Authority

KIND_DEFAULT: Final = "onss-soap"
_KIND: Final = re.compile(r"[a-z]+(-[a-z]+)*")


class AuthoritySettings(BaseModel):
    """[authority]: where declarations are sent. Each kind adds settings of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    settle_s: float = Field(default=15.0, ge=1, le=600)
    """How long after its own deadline a call may still be carried out and found: until then, "not found" proves
    nothing.
    """
    calls: int = Field(default=4, ge=1, le=32)
    """How many calls may be in progress at once."""
    calls_per_s: float = Field(default=0.0, ge=0, le=1000)
    """How many calls may begin a second, on average; 0: no limit."""
    burst: int = Field(default=4, ge=1, le=1000)
    """How many of them may begin together after a pause."""
    maintenance: tuple[str, ...] = ()
    """Its announced maintenance, in Belgian time; see `maintenance.Calendar.parse`."""

    @property
    def call_s(self) -> float:
        """How long a call may take before the client gives up, seconds."""
        return 0.0

    def anchored(self, folder: Path) -> AuthoritySettings:
        """The same settings with every relative path resolved from `folder`."""
        paths = {name: folder / value for name, value in self if isinstance(value, Path)}
        return self.model_copy(update=paths)


class _Module(Protocol):
    Settings: type[AuthoritySettings]

    def connect(self, settings: AuthoritySettings) -> Authority: ...


def kinds() -> tuple[str, ...]:
    """Every kind of authority, by name."""
    names = (path.stem.replace("_", "-") for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(name for name in names if _KIND.fullmatch(name) and _module(name) is not None))


def connect(settings: AuthoritySettings) -> Authority:
    """The client of the authority that the settings name. Raises SettingsError."""
    module = _module(settings.kind)
    assert module is not None  # it has read the settings
    return module.connect(settings)


def read(table: Any) -> AuthoritySettings:
    """Settings from a TOML table. Raises PydanticCustomError, which names the fault, but no value."""
    if isinstance(table, AuthoritySettings):
        return table
    if not isinstance(table, dict):
        raise PydanticCustomError("authority", "a table is wanted")
    kind = table.get("kind", KIND_DEFAULT)
    module = _module(kind) if isinstance(kind, str) and _KIND.fullmatch(kind) else None
    if module is None:
        raise PydanticCustomError("authority", "kind is one of {kinds}", {"kinds": ", ".join(kinds())})
    try:
        return module.Settings.model_validate(table)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} {fault['msg']}".strip() for fault in error.errors(include_input=False)
        )
        raise PydanticCustomError("authority", "{wrong}", {"wrong": wrong}) from None


ReadSettings = Annotated[SerializeAsAny[AuthoritySettings], BeforeValidator(read)]
"""The type of a setting for any authority's settings."""


def _module(kind: str) -> _Module | None:
    try:
        module = importlib.import_module(f"{__package__}.{kind.replace('-', '_')}")
    except ModuleNotFoundError:
        return None
    settings = getattr(module, "Settings", None)
    own = isinstance(settings, type) and issubclass(settings, AuthoritySettings)
    return cast("_Module", module) if own and hasattr(module, "connect") else None
