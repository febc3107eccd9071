"""The settings of an installation: one TOML file, read once at start.

Any setting can be overridden by an environment variable: `BADGECLOCK_BRIDGE_HTTP__PORT=9100` for `[http] port`. Secrets
are never settings, only the names of the files that hold them. Relative paths count from the folder of the file.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from badgeclock import text_file
from badgeclock.authorities.kinds import AuthoritySettings, ReadSettings
from badgeclock.authorities.maintenance import Calendar
from badgeclock.errors import SettingsError
from badgeclock.protocol.bridge_names import BRIDGE_WORKERS_MAX

SQLITE_FILE = "sqlite:///"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class StoreSettings(_Section):
    """[store]"""

    url: str = "sqlite:///bridge.db"
    """SQLAlchemy URL: `sqlite:///file.db`, or `postgresql+psycopg://…`."""


class BrokerSettings(_Section):
    """[broker]: where clocks and bridge meet. All three files are PEM."""

    host: str = "localhost"
    port: int = Field(default=8883, ge=1, le=65535)
    ca: Path
    certificate: Path
    key: Path
    client_id: str = Field(default="bridge", min_length=1, max_length=23)
    keepalive_s: int = Field(default=30, ge=5, le=600)


class SecretsSettings(_Section):
    """[secrets]"""

    data_key_file: Path
    """32 bytes as 64 hexadecimal digits; `badgeclock bridge init` makes it."""


class HttpSettings(_Section):
    """[http]: health, metrics and the reading interface; port 0 is off."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    names: tuple[str, ...] = ()
    """Names that a proxy before it is asked by, besides the host and this machine's own."""
    beyond_this_machine: bool = False
    """Whether the host may be one that others reach: plain HTTP, so that who listens in sees all of it."""

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine reaches the host."""
        return _is_loopback(self.host)

    @model_validator(mode="after")
    def _is_meant(self) -> HttpSettings:
        if not self.is_loopback and not self.beyond_this_machine:
            raise ValueError(
                "the host is reached from other machines, in plain HTTP: set beyond_this_machine = true if that is "
                "meant (/api then requires a token with the scope status:read), or 127.0.0.1 with a proxy before it"
            )
        return self


class ActsSettings(_Section):
    """[acts]: by what other processes of the bridge's user, as the console, have the running bridge do things."""

    socket: Path = Path("acts.sock")


class ConsoleSettings(_Section):
    """[console]: the operators' pages, its own process (`badgeclock console run`)."""

    host: str = "127.0.0.1"
    port: int = Field(default=8460, ge=1, le=65535)
    names: tuple[str, ...] = ()
    """Names that it is asked by, besides the host and this machine's own."""
    certificate: Path | None = None
    """PEM, with `key`: then it serves TLS itself."""
    key: Path | None = None
    behind_proxy: bool = False
    """Whether a proxy on this machine does TLS, and says who asks (X-Forwarded-For, X-Forwarded-Proto)."""
    session_hours: int = Field(default=12, ge=1, le=24 * 31)
    """So long after signing in a session ends, however much it was used."""

    @model_validator(mode="after")
    def _speaks_no_plain_http_to_others(self) -> ConsoleSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.certificate is None and not _is_loopback(self.host):
            raise ValueError(
                "the host is reached from other machines: set certificate and key, or 127.0.0.1 with a proxy before it"
            )
        return self


class PlanningSettings(_Section):
    """[planning]: the interface for planning tools, under the same port; without a token it answers nobody."""

    requests_a_minute: int = Field(default=120, ge=1, le=100_000)
    """So many of each token."""


class RetentionSettings(_Section):
    """[retention]: days that things are kept, by purpose. The sources are in docs/operating-reference.md."""

    presences_days: int = Field(default=1827, ge=31, le=36_600)
    """Five years: articles 2 and 25 of the Royal Decree of 8 August 1980 on social documents, by analogy."""
    events_days: int = Field(default=366, ge=31, le=36_600)
    """Article 5(1)(e) GDPR: no longer than necessary; a year covers every yearly check."""
    workers_days: int = Field(default=366, ge=31, le=36_600)
    """The same, once nothing refers to a worker."""
    plans_days: int = Field(default=92, ge=14, le=36_600)
    """The same: a plan says who is missing today; a quarter lets a person look back at who was."""
    sweep_hours: int = Field(default=24, ge=0, le=720)
    """How often the bridge deletes what is older; 0 leaves that to the command."""


class IntakeSettings(_Section):
    """[intake]"""

    group_messages: int = Field(default=2048, ge=1, le=10_000)
    """Most messages that share one commit."""
    queue_messages: int = Field(default=20_000, ge=1)
    """From this many waiting messages on the broker is not read, until half of them are committed."""
    workers: int = Field(default=1, ge=1, le=BRIDGE_WORKERS_MAX)
    """Processes that take what clocks send; more than one needs PostgreSQL."""
    patience_ms: int = Field(default=500, ge=0, le=10_000)
    """With several workers: how long a message waits for what it follows, which came through another."""


class BridgeSettings(BaseSettings):
    """The whole file."""

    model_config = SettingsConfigDict(
        env_prefix="BADGECLOCK_BRIDGE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    store: StoreSettings = StoreSettings()
    broker: BrokerSettings
    secrets: SecretsSettings
    authority: ReadSettings
    movement_authority: ReadSettings | None = None
    """A second one, for sites that declare movements, if [authority] takes none."""
    http: HttpSettings = HttpSettings()
    planning: PlanningSettings = PlanningSettings()
    acts: ActsSettings = ActsSettings()
    console: ConsoleSettings = ConsoleSettings()
    retention: RetentionSettings = RetentionSettings()
    intake: IntakeSettings = IntakeSettings()

    @field_validator("authority", "movement_authority")
    @classmethod
    def _has_a_calendar(cls, settings: AuthoritySettings | None) -> AuthoritySettings | None:
        if settings is not None:
            Calendar.parse(settings.maintenance)
        return settings

    def of_worker(self, number: int) -> BridgeSettings:
        """The same for worker `number`, counted from 1: its port is that many above."""
        port = self.http.port and self.http.port + number - 1
        return self.model_copy(update={"http": self.http.model_copy(update={"port": port})})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before what the file says, which `load` gives as arguments; nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(path: Path) -> BridgeSettings:
    """The settings in a TOML file; raises SettingsError, which names each wrong setting but never its value."""
    if not path.is_file():
        raise SettingsError(
            what=f"there is no settings file {path}",
            kept="nothing was started",
            do="write one, or name it with --config",
        )

    try:
        settings = BridgeSettings(**tomllib.loads(text_file.read(path)))
    except ValidationError as error:
        wrong = "; ".join(f"[{'.'.join(map(str, fault['loc']))}] {fault['msg']}" for fault in error.errors())
        raise SettingsError(
            what=f"{path} does not hold: {wrong}", kept="nothing was started", do="correct these settings"
        ) from None
    except OSError as error:
        raise SettingsError(
            what=f"{path} cannot be read: {error.strerror}",
            kept="nothing was started",
            do="run this as a user who may read it",
        ) from None
    except ValueError as error:
        raise SettingsError(
            what=f"{path} is no TOML: {error}", kept="nothing was started", do="correct the file"
        ) from None
    return _anchored(settings, path.resolve().parent)


def _anchored(settings: BridgeSettings, folder: Path) -> BridgeSettings:
    """The same settings with every relative path counted from `folder`."""
    broker, url = settings.broker, settings.store.url
    if url.startswith(SQLITE_FILE) and not url.startswith(SQLITE_FILE + "/"):
        url = f"{SQLITE_FILE}{folder / url.removeprefix(SQLITE_FILE)}"
    return settings.model_copy(
        update={
            "store": StoreSettings(url=url),
            "broker": broker.model_copy(
                update={name: folder / getattr(broker, name) for name in ("ca", "certificate", "key")}
            ),
            "authority": settings.authority.anchored(folder),
            "movement_authority": settings.movement_authority and settings.movement_authority.anchored(folder),
            "secrets": SecretsSettings(data_key_file=folder / settings.secrets.data_key_file),
            "acts": ActsSettings(socket=folder / settings.acts.socket),
            "console": _anchored_console(settings.console, folder),
        }
    )


def _anchored_console(console: ConsoleSettings, folder: Path) -> ConsoleSettings:
    if console.certificate is None or console.key is None:
        return console
    return console.model_copy(update={"certificate": folder / console.certificate, "key": folder / console.key})
