"""Sends a letter: by e-mail over TLS, or to a webhook, signed. Each try is bounded, and says why it failed.

A webhook's call follows the Standard Webhooks specification: the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over "id.timestamp.body"). The id is the letter's and the same
at each try, the time is that of the try: a receiver that checks both rejects duplicates and replays.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiosmtplib
import httpx

from badgeclock import key_file
from badgeclock.bridge.errors import LetterNotSent
from badgeclock.bridge.notices import words
from badgeclock.bridge.notices.book import Channel, Letter, Recipient
from badgeclock.bridge.settings import NoticesSettings
from badgeclock.errors import SettingsError

TRY_S: Final = 30.0
"""Time limit of a try."""
SECRET_LEAST: Final = 24
"""Bytes of a webhook's secret (Standard Webhooks: 24 to 64)."""
_PREFIX: Final = "whsec_"


class Sender:
    """Sends letters by the settings. Raises SettingsError for secrets that cannot be used."""

    def __init__(self, settings: NoticesSettings) -> None:
        self._settings = settings
        self._tls = ssl.create_default_context()
        if settings.ca is not None:
            try:
                self._tls.load_verify_locations(settings.ca)
            except (OSError, ssl.SSLError) as error:
                raise _unfit(
                    f"{settings.ca} holds no certificates ({type(error).__name__})", "name a PEM file"
                ) from None
        self._password = _secret(settings.smtp_password_file) if settings.smtp_password_file else ""
        self._key = webhook_key(settings.webhook_secret_file) if settings.webhook_secret_file else b""
        found = [Recipient(Channel.EMAIL, address) for address in settings.email_to]
        if settings.webhook_url:
            found.append(Recipient(Channel.WEBHOOK, settings.webhook_url))
        self.recipients: tuple[Recipient, ...] = tuple(found)
        self._by_mark = {one.mark: one for one in found}

    def knows(self, letter: Letter) -> bool:
        """Whether its recipient is still in the settings."""
        return letter.recipient in self._by_mark

    async def send(self, letter: Letter, now_ms: int) -> None:
        """Send it. Raises LetterNotSent."""
        recipient = self._by_mark[letter.recipient]
        try:
            async with asyncio.timeout(TRY_S):
                if recipient.channel is Channel.EMAIL:
                    await self._mail(letter, recipient.address)
                else:
                    await self._call(letter, now_ms)
        except TimeoutError:
            raise LetterNotSent(f"no answer within {TRY_S:.0f} s") from None

    async def _mail(self, letter: Letter, address: str) -> None:
        own = self._settings
        message = mail(letter, own, address)
        try:
            await aiosmtplib.send(
                message,
                hostname=own.smtp_host,
                port=own.smtp_port,
                use_tls=own.smtp_security == "tls",
                start_tls=own.smtp_security == "starttls",
                tls_context=None if own.smtp_security == "none" else self._tls,
                username=own.smtp_user or None,
                password=self._password or None,
                timeout=TRY_S,
            )
        except aiosmtplib.SMTPRecipientsRefused:
            raise LetterNotSent("the mail server refuses the recipient") from None
        except aiosmtplib.SMTPResponseException as error:
            raise LetterNotSent(f"the mail server answered {error.code}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise LetterNotSent(f"the mail server cannot be used ({type(error).__name__})") from None

    async def _call(self, letter: Letter, now_ms: int) -> None:
        body = payload(letter, self._settings.console_url)
        headers = signed(self._key, letter.uid, now_ms // 1000, body)
        await self._ask("POST", self._settings.webhook_url, headers, body)

    async def beat(self) -> None:
        """Call the heartbeat's address once. Raises LetterNotSent."""
        try:
            async with asyncio.timeout(TRY_S):
                await self._ask("GET", self._settings.heartbeat_url, {}, b"")
        except TimeoutError:
            raise LetterNotSent(f"no answer within {TRY_S:.0f} s") from None

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Make one HTTP request; only the status of the answer is read."""
        try:
            async with (
                httpx.AsyncClient(verify=self._tls, timeout=TRY_S, follow_redirects=False) as client,
                client.stream(method, url, content=body, headers=headers) as answer,
            ):
                status, is_taken = answer.status_code, answer.is_success
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # ValueError: not a valid host name
            raise LetterNotSent(f"{_host(url)} cannot be reached ({type(error).__name__})") from None
        if not is_taken:
            raise LetterNotSent(f"{_host(url)} answered {status}")


def _host(url: str) -> str:
    """The host of an address; the rest of it may be secret."""
    try:
        return urlsplit(url).hostname or "the address"
    except ValueError:
        return "the address"


def mail(letter: Letter, settings: NoticesSettings, address: str) -> EmailMessage:
    """The letter as a message in its recipient's language."""
    language = settings.email_to[address]
    message = EmailMessage()
    message["From"] = settings.email_from
    message["To"] = address
    message["Subject"] = " ".join(words.subject(letter.body, language).split())
    message["Date"] = formatdate(letter.made_ms / 1000)
    message["Message-ID"] = f"<{letter.uid}@{settings.email_from.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers
    message["Content-Language"] = language
    message.set_content(words.text(letter.body, language, settings.console_url))
    return message


def payload(letter: Letter, console_url: str) -> bytes:
    """The letter as JSON, with its text in each language."""
    body: dict[str, Any] = {
        "id": letter.uid,
        **letter.body,
        "link": words.link(letter.body, console_url) if console_url else None,
        "text": {language: words.text(letter.body, language, console_url) for language in words.LANGUAGES},
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def signed(key: bytes, uid: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The headers of a call (Standard Webhooks 1.0.0)."""
    tag = hmac.new(key, f"{uid}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": uid,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{base64.b64encode(tag).decode('ascii')}",
    }


def webhook_key(path: Path) -> bytes:
    """The key in a secret's file: `whsec_` and base64. Raises SettingsError."""
    given = _secret(path)
    try:
        key = base64.b64decode(given.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not given.startswith(_PREFIX) or len(key) < SECRET_LEAST:
        raise _unfit(
            f"{path} holds no webhook secret",
            f"write one: `printf {_PREFIX}%s $(head -c 32 /dev/urandom | base64 -w0) > {path}`",
        )
    return key


def _secret(path: Path) -> str:
    try:
        if key_file.is_open_to_all(path):
            raise _unfit(f"everybody on this machine may read {path}", f"run `chmod o= {path}`")
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unfit(f"{path} cannot be read ({type(error).__name__})", "name a file that holds the secret") from None


def _unfit(what: str, do: str) -> SettingsError:
    return SettingsError(what=what, kept="nothing was started", do=do)
