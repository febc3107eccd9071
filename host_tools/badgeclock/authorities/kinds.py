"""The kinds of authorities, and the one in the settings.

An authority of kind `some-name` is two modules beside this one: `some_name_settings` with `Settings`, a model of its
part of the settings, and `some_name` with `connect`, which makes its client, and which only who declares loads. A new
kind needs no other change.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError
from pydantic_core import PydanticCustomError

from badgeclock.authorities.base import Authority

KIND_DEFAULT: Final = "onss-soap"
_SETTINGS: Final = "_settings"


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
    def connect(self, settings: AuthoritySettings) -> Authority: ...


def kinds() -> tuple[str, ...]:
    """Every kind of authority, by name."""
    names = (path.stem.removesuffix(_SETTINGS) for path in Path(__file__).parent.glob(f"*{_SETTINGS}.py"))
    return tuple(sorted(name.replace("_", "-") for name in names))


def connect(settings: AuthoritySettings) -> Authority:
    """The client of the authority that the settings name. Raises SettingsError."""
    module = importlib.import_module(f"{__package__}.{settings.kind.replace('-', '_')}")
    return cast("_Module", module).connect(settings)


def read(table: Any) -> AuthoritySettings:
    """Settings from a TOML table. Raises PydanticCustomError, which names the fault, but no value."""
    if isinstance(table, AuthoritySettings):
        return table
    if not isinstance(table, dict):
        raise PydanticCustomError("authority", "a table is wanted")
    model = _model(table.get("kind", KIND_DEFAULT))
    if model is None:
        raise PydanticCustomError("authority", "kind is one of {kinds}", {"kinds": ", ".join(kinds())})
    try:
        return model.model_validate(table)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} {fault['msg']}".strip() for fault in error.errors(include_input=False)
        )
        raise PydanticCustomError("authority", "{wrong}", {"wrong": wrong}) from None


ReadSettings = Annotated[SerializeAsAny[AuthoritySettings], BeforeValidator(read)]
"""The type of a setting for any authority's settings."""


def _model(kind: Any) -> type[AuthoritySettings] | None:
    if kind not in kinds():
        return None
    module = importlib.import_module(f"{__package__}.{kind.replace('-', '_')}{_SETTINGS}")
    return cast("type[AuthoritySettings]", module.Settings)
