"""Settings with what the environment says of them, as `BADGECLOCK_BRIDGE_HTTP__PORT=9100`.

In a module of its own, since the library for it takes longer to load than all the rest of most commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, create_model
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_Model = TypeVar("_Model", bound=BaseModel)


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the file's values, which are passed as arguments; no other source."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def read(model: type[_Model], prefix: str, content: Mapping[str, Any]) -> _Model:
    """The model of a file's content, with the values of variables that begin with `prefix` in place of the file's.

    Raises pydantic's ValidationError.
    """
    with_environment: Any = create_model(model.__name__, __base__=(_Environment, model))
    return cast("_Model", with_environment(_env_prefix=prefix, **content))
