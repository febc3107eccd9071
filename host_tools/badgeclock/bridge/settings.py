"""The settings of an installation: one TOML file, read once at start.

Any setting can be overridden by an environment variable: `BADGECLOCK_BRIDGE_HTTP__PORT=9100` for `[http] port`. Secrets
are never settings, only the names of the files that hold them. Relative paths start at the file's folder.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from badgeclock import text_file
from badgeclock.authorities.kinds import AuthoritySettings, ReadSettings
from badgeclock.authorities.maintenance import Calendar
from badgeclock.bridge import store_url
from badgeclock.errors import SettingsError
from badgeclock.protocol.bridge_names import BRIDGE_WORKERS_MAX

ENVIRONMENT: Final = "BADGECLOCK_BRIDGE_"
"""How the names of variables begin that override settings."""
NOTICE_KINDS = (
    "unregistered",
    "absent",
    "refused",
    "unknown_badge",
    "clock_offline",
    "clock_silent",
    "clock_full",
    "certificate",
    "bridge",
    "waits",
)
"""Kinds of notices (`notices.news.Kind`, which also has the daily summary)."""
NoticeLanguage = Literal["nl", "fr", "de", "en"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def is_loopback(host: str) -> bool:
    """Whether a host can only be reached from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class StoreSettings(_Section):
    """[store]"""

    url: str = store_url.DEFAULT
    """SQLAlchemy URL: `sqlite:///file.db`, or `postgresql+psycopg://…`."""


class BrokerSettings(_Section):
    """[broker]: connects clocks and bridge. All three files are PEM."""

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
    """Host names accepted in requests, as those of a proxy in front, besides the host and this machine's own."""
    beyond_this_machine: bool = False
    """Whether the host may be reachable from other machines: in plain HTTP, which anyone on the network can read."""

    @property
    def is_loopback(self) -> bool:
        """Whether the host can only be reached from this machine."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _is_meant(self) -> HttpSettings:
        if not self.is_loopback and not self.beyond_this_machine:
            raise ValueError(
                "the host is reached from other machines, in plain HTTP: set beyond_this_machine = true if that is "
                "meant (/api then requires a token with the scope status:read), or 127.0.0.1 with a proxy before it"
            )
        return self


class ActsSettings(_Section):
    """[acts]: the socket by which other processes of the bridge's user, such as the console, send acts to the running
    bridge."""

    socket: Path = Path("acts.sock")


class ProviderSettings(_Section):
    """[console.provider]: the organisation's own sign-in, by OpenID Connect."""

    issuer: str = Field(pattern=r"^https?://[^\s?#]+$", max_length=300)
    """Exactly as in the provider's own metadata; HTTPS, except on this machine."""
    client_id: str = Field(min_length=1, max_length=200)
    client_secret_file: Path | None = None
    """Without it the console is a public client, protected only by PKCE."""
    name_claim: str = Field(default="preferred_username", min_length=1, max_length=64)
    """The claim that is an account's name, until the account is bound to its owner by the first sign-in."""
    scopes: str = Field(default="openid profile", pattern=r"^openid( [!#-\[\]-~]+)*$", max_length=200)
    ca: Path | None = None
    """The authority that issued the provider's certificate, if it is your own."""

    @field_validator("issuer")
    @classmethod
    def _speaks_tls(cls, issuer: str) -> str:
        if issuer.startswith("http:") and not is_loopback(urlsplit(issuer).hostname or ""):
            raise ValueError("the provider of another machine speaks HTTPS")
        return issuer


class ConsoleSettings(_Section):
    """[console]: the operators' pages, its own process (`badgeclock console run`)."""

    host: str = "127.0.0.1"
    port: int = Field(default=8450, ge=1, le=65535)
    names: tuple[str, ...] = ()
    """Host names accepted in requests, besides the host and this machine's own."""
    certificate: Path | None = None
    """PEM, with `key`: the console then serves TLS itself."""
    key: Path | None = None
    behind_proxy: bool = False
    """Whether a proxy on this machine does TLS, and names the client (X-Forwarded-For, X-Forwarded-Proto)."""
    session_hours: int = Field(default=12, ge=1, le=24 * 31)
    """A session ends this long after signing in, even if it is in use."""
    provider: ProviderSettings | None = None

    @model_validator(mode="after")
    def _speaks_no_plain_http_to_others(self) -> ConsoleSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.certificate is None and not is_loopback(self.host):
            raise ValueError(
                "the host is reached from other machines: set certificate and key, or 127.0.0.1 with a proxy before it"
            )
        return self


class PlanningSettings(_Section):
    """[planning]: the interface for planning tools, under the same port; every request needs a token."""

    requests_a_minute: int = Field(default=120, ge=1, le=100_000)
    """Limit per token."""


class NoticesSettings(_Section):
    """[notices]: who gets notices, and by which channel. Without `email_to` and `webhook_url` none are sent."""

    kinds: tuple[str, ...] = NOTICE_KINDS
    """Kinds of notices to send."""
    console_url: str = ""
    """The address of the operators' pages; links in notices begin with it."""
    patience_minutes: int = Field(default=5, ge=0, le=1440)
    """How long a clock must be offline, or the bridge in trouble, before a notice is sent."""
    deadlines: dict[str, str] = {}
    """Per site, the time (08:30) by which everybody there must have a number."""
    deadline_minutes: int = Field(default=30, ge=0, le=720)
    """How long before that time a notice is sent."""
    absent_minutes: int = Field(default=15, ge=0, le=720)
    """How long after the time at which somebody was expected."""
    summary_at: str = ""
    """The local time (18:00, Belgian) of the daily summary of open items; empty: none."""
    email_to: dict[str, NoticeLanguage] = {}
    """Addresses, each with its language."""
    email_from: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    webhook_url: str = ""
    webhook_secret_file: Path | None = None
    """The key that signs each call (HMAC-SHA256)."""
    heartbeat_url: str = ""
    """Called as long as the bridge and its store work; a monitoring service there raises the alarm when the calls
    stop."""
    heartbeat_s: int = Field(default=300, ge=5, le=86_400)
    ca: Path | None = None
    """PEM: additional certificate authorities to trust for mail server, webhook and heartbeat."""

    @property
    def calls(self) -> bool:
        """Whether there is any recipient."""
        return bool(self.email_to or self.webhook_url)

    def minute_of(self, site: str) -> int | None:
        """The site's time, in minutes after midnight; None if it has set none."""
        return _minute(self.deadlines[site]) if site in self.deadlines else None

    @property
    def summary_minute(self) -> int | None:
        """When the summary is due, in minutes after midnight; None for never."""
        return _minute(self.summary_at) if self.summary_at else None

    @model_validator(mode="after")
    def _is_whole(self) -> NoticesSettings:
        for url in (self.webhook_url, self.heartbeat_url, self.console_url):
            _check_url(url)
        for time in (*self.deadlines.values(), *([self.summary_at] if self.summary_at else [])):
            _minute(time)
        if wrong := sorted(set(self.kinds) - set(NOTICE_KINDS)):
            raise ValueError(f"kinds: {', '.join(wrong)} is none of {', '.join(NOTICE_KINDS)}")
        if self.email_to and not (self.email_from and self.smtp_host):
            raise ValueError("email_to needs email_from and smtp_host")
        if any(
            "@" not in address or not address.isprintable() for address in (*self.email_to, self.email_from) if address
        ):
            raise ValueError("email_to and email_from are addresses")
        if self.smtp_security == "none" and self.smtp_host and not is_loopback(self.smtp_host):
            raise ValueError("smtp_security = none is for a mail server on this machine alone")
        if self.smtp_user and self.smtp_password_file is None:
            raise ValueError("smtp_user needs smtp_password_file")
        if self.webhook_url and self.webhook_secret_file is None:
            raise ValueError("webhook_url needs webhook_secret_file")
        return self


def _minute(time: str) -> int:
    hour, _, minute = time.partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and len(minute) == 2 and int(hour) < 24 and int(minute) < 60):
        raise ValueError(f"{time!r} is no time of a day, such as 08:30")
    return int(hour) * 60 + int(minute)


def _check_url(url: str) -> None:
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("a URL begins with https:// and has no name and password in it")
    try:
        parts.hostname.encode("idna")
        _ = parts.port
    except ValueError:  # pydantic's messages quote the value, which may be secret
        raise ValueError("its host or port is none") from None
    if not url.isprintable():
        raise ValueError("a URL has no control characters")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is for this machine alone; write https://")


class RetentionSettings(_Section):
    """[retention]: days that data is kept, by purpose. The sources are in docs/operating-reference.md."""

    presences_days: int = Field(default=1827, ge=31, le=36_600)
    """Five years: articles 2 and 25 of the Royal Decree of 8 August 1980 on social documents, by analogy."""
    events_days: int = Field(default=366, ge=31, le=36_600)
    """Article 5(1)(e) GDPR: no longer than necessary; a year covers every yearly check."""
    workers_days: int = Field(default=366, ge=31, le=36_600)
    """The same, once nothing refers to a worker."""
    plans_days: int = Field(default=92, ge=14, le=36_600)
    """The same: a plan says who is missing today; a quarter of a year allows to look back."""
    sweep_hours: int = Field(default=24, ge=0, le=720)
    """Interval at which the bridge deletes older data; 0 leaves that to the command."""


class IntakeSettings(_Section):
    """[intake]"""

    group_messages: int = Field(default=2048, ge=1, le=10_000)
    """Most messages that share one commit."""
    queue_messages: int = Field(default=20_000, ge=1)
    """With this many waiting messages, reading from the broker pauses until half of them are committed."""
    workers: int = Field(default=1, ge=1, le=BRIDGE_WORKERS_MAX)
    """Processes that handle clocks' messages; more than one needs PostgreSQL."""
    patience_ms: int = Field(default=500, ge=0, le=10_000)
    """With several workers: how long a message waits for the one before it, which came through another worker."""


class BridgeSettings(_Section):
    """The whole file."""

    store: StoreSettings = StoreSettings()
    broker: BrokerSettings
    secrets: SecretsSettings
    authority: ReadSettings
    movement_authority: ReadSettings | None = None
    """A second authority, for sites that declare movements, if [authority] does not accept them."""
    http: HttpSettings = HttpSettings()
    planning: PlanningSettings = PlanningSettings()
    acts: ActsSettings = ActsSettings()
    console: ConsoleSettings = ConsoleSettings()
    notices: NoticesSettings = NoticesSettings()
    retention: RetentionSettings = RetentionSettings()
    intake: IntakeSettings = IntakeSettings()

    @field_validator("authority", "movement_authority")
    @classmethod
    def _has_a_calendar(cls, settings: AuthoritySettings | None) -> AuthoritySettings | None:
        if settings is not None:
            Calendar.parse(settings.maintenance)
        return settings

    @property
    def console_address(self) -> str:
        """Where people reach the operators' pages, without a slash at its end: by what [notices] says, else by the
        console's first name, or its host.
        """
        if self.notices.console_url:
            return self.notices.console_url.rstrip("/")
        own = self.console
        if own.behind_proxy and own.names:
            return f"https://{own.names[0]}"
        scheme, name = "http" if own.certificate is None else "https", own.names[0] if own.names else own.host
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{own.port}"

    def of_worker(self, number: int) -> BridgeSettings:
        """The same for worker `number`, counted from 1: its port is that many above."""
        port = self.http.port and self.http.port + number - 1
        return self.model_copy(update={"http": self.http.model_copy(update={"port": port})})


def load(path: Path) -> BridgeSettings:
    """The settings in a TOML file; raises SettingsError, which names each wrong setting but never its value."""
    if not path.is_file():
        raise SettingsError(
            what=f"there is no settings file {path}",
            kept="nothing was started",
            do="write one, or name it with --config",
        )

    try:
        settings = _of_file_and_environment(tomllib.loads(text_file.read(path)))
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


def _of_file_and_environment(content: dict[str, Any]) -> BridgeSettings:
    sections = tuple(f"{ENVIRONMENT}{section}".upper() for section in BridgeSettings.model_fields)
    if not any(name.upper().startswith(sections) for name in os.environ):
        return BridgeSettings(**content)
    from badgeclock.bridge import settings_environment  # noqa: PLC0415 - and the library for it

    return settings_environment.read(BridgeSettings, ENVIRONMENT, content)


def _anchored(settings: BridgeSettings, folder: Path) -> BridgeSettings:
    """The same settings with every relative path resolved from `folder`."""
    broker = settings.broker
    return settings.model_copy(
        update={
            "store": StoreSettings(url=store_url.anchored(settings.store.url, folder)),
            "broker": broker.model_copy(
                update={name: folder / getattr(broker, name) for name in ("ca", "certificate", "key")}
            ),
            "authority": settings.authority.anchored(folder),
            "movement_authority": settings.movement_authority and settings.movement_authority.anchored(folder),
            "secrets": SecretsSettings(data_key_file=folder / settings.secrets.data_key_file),
            "acts": ActsSettings(socket=folder / settings.acts.socket),
            "console": _anchored_console(settings.console, folder),
            "notices": settings.notices.model_copy(
                update={
                    name: folder / path
                    for name in ("smtp_password_file", "webhook_secret_file", "ca")
                    if (path := getattr(settings.notices, name)) is not None
                }
            ),
        }
    )


def _anchored_console(console: ConsoleSettings, folder: Path) -> ConsoleSettings:
    if console.provider is not None:
        files = {name: getattr(console.provider, name) for name in ("client_secret_file", "ca")}
        anchored = {name: folder / path for name, path in files.items() if path is not None}
        console = console.model_copy(update={"provider": console.provider.model_copy(update=anchored)})
    if console.certificate is None or console.key is None:
        return console
    return console.model_copy(update={"certificate": folder / console.certificate, "key": folder / console.key})
