"""Letters arrive at a real mail server and a real webhook, and one that hangs holds up nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from pydantic import ValidationError
from structlog.testing import capture_logs
from tests.host.bridge.world import NOON_MS, World
from typer.testing import CliRunner

from badgeclock.bridge.errors import LetterNotSent
from badgeclock.bridge.notices import book, sending, words
from badgeclock.bridge.notices.book import Letter
from badgeclock.bridge.notices.caller import Caller, Heartbeat
from badgeclock.bridge.notices.sending import Sender
from badgeclock.bridge.settings import BridgeSettings, NoticesSettings
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.cli import notices as notices_cli
from badgeclock.demo.process import free_port
from badgeclock.errors import SettingsError

PASSWORD = "a password of the mail server"
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
LINE = {
    "kind": "refused",
    "site": "Werf één",
    "clock": "",
    "name": "refused",
    "days": None,
    "number": 2,
    "items": ["P-1"],
}
BODY = {"kind": "notices", "new": [LINE], "over": [], "made_ms": NOON_MS}


class Mailbox:
    """A mail server with TLS that accepts letters with the password."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.letters: list[Envelope] = []
        self.unknown = ""
        """A recipient whom it does not have."""
        self.goes_on = asyncio.Event()
        """Set unless it is slow to take a letter."""
        self.goes_on.set()
        self._server = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=tls,
            require_starttls=True,
            authenticator=self._knows,
            auth_required=True,
        )

    def _knows(self, *words: Any) -> AuthResult:
        given = words[-1]
        is_right = given.login == b"bridge" and given.password == PASSWORD.encode()
        return AuthResult(success=is_right, handled=False)  # the answer is the server's

    async def handle_RCPT(  # noqa: N802 - its own name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address == self.unknown:
            return "550 no such person here"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - its own name
        await self.goes_on.wait()
        self.letters.append(envelope)
        return "250 taken"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def set_going(self) -> None:
        """Have it take letters again."""
        self._server.loop.call_soon_threadsafe(self.goes_on.set)

    @property
    def port(self) -> int:
        port: int = self._server.port
        return port


class Hook(ThreadingHTTPServer):
    """A webhook, and a heartbeat's address: records its requests, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Asked(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        server.asked.append((self.command, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(server.status)
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - its own name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def mailbox(authority: trustme.CA) -> Iterator[Mailbox]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Mailbox(context) as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Hook]:
    running = Hook()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> dict[str, Path]:
    """The secrets, and the authority that the mail server's certificate is of."""
    made = {name: tmp_path / name for name in ("password", "secret", "ca.pem")}
    for name, data in (("password", PASSWORD), ("secret", SECRET)):
        made[name].touch(mode=0o600)
        made[name].write_text(data + "\n")
    authority.cert_pem.write_to_path(made["ca.pem"])
    return made


def settings(files: dict[str, Path], **more: Any) -> NoticesSettings:
    own: dict[str, Any] = {
        "email_to": {"anna@example.be": "nl", "luc@example.be": "fr"},
        "email_from": "badgeclock@example.be",
        "smtp_host": "localhost",
        "smtp_user": "bridge",
        "smtp_password_file": files["password"],
        "ca": files["ca.pem"],
        "console_url": "https://console.example",
    }
    return NoticesSettings.model_validate({**own, **more})


def hooked(files: dict[str, Path], url: str, **more: Any) -> NoticesSettings:
    """The same with a webhook and no mail."""
    return settings(files, email_to={}, webhook_url=url, webhook_secret_file=files["secret"], **more)


def letter(sender: Sender, which: int = 0, **more: Any) -> Letter:
    to = sender.recipients[which]
    return Letter(1, uuid.uuid4().hex, to.channel, to.mark, {**BODY, **more}, NOON_MS, 0)


async def test_a_letter_arrives_by_mail_in_the_language_of_its_reader(mailbox: Mailbox, files: dict[str, Path]) -> None:
    sender = Sender(settings(files, smtp_port=mailbox.port))
    for which in (0, 1):
        await sender.send(letter(sender, which), NOON_MS)
    read = [message_from_bytes(one.content or b"", policy=policy.default) for one in mailbox.letters]
    assert [one.rcpt_tos for one in mailbox.letters] == [["anna@example.be"], ["luc@example.be"]]
    assert read[0]["Subject"] == "Badgeclock: Werf één: geweigerd door de RSZ: 2"
    assert "refusé par l'ONSS" in read[1]["Subject"]
    assert read[0]["Auto-Submitted"] == "auto-generated"
    assert "https://console.example/attention" in read[0].get_content()


async def test_the_same_letter_has_the_same_id_at_each_try(mailbox: Mailbox, files: dict[str, Path]) -> None:
    sender = Sender(settings(files, smtp_port=mailbox.port))
    one = letter(sender)
    await sender.send(one, NOON_MS)
    await sender.send(one, NOON_MS + 60_000)
    ids = [message_from_bytes(kept.content or b"")["Message-ID"] for kept in mailbox.letters]
    assert ids == [f"<{one.uid}@example.be>"] * 2


async def test_a_site_whose_name_is_made_to_break_out_stays_in_its_line(
    mailbox: Mailbox, files: dict[str, Path]
) -> None:
    sender = Sender(settings(files, smtp_port=mailbox.port))
    await sender.send(letter(sender, new=[{**LINE, "site": "x\r\nBcc: thief@example.org\r\n\r\nhello"}]), NOON_MS)
    read = message_from_bytes(mailbox.letters[0].content or b"", policy=policy.default)
    assert read["Bcc"] is None
    assert mailbox.letters[0].rcpt_tos == ["anna@example.be"]


async def test_no_letter_and_no_password_goes_to_a_server_that_nobody_vouches_for(
    mailbox: Mailbox, files: dict[str, Path]
) -> None:
    trustme.CA().cert_pem.write_to_path(files["ca.pem"])
    sender = Sender(settings(files, smtp_port=mailbox.port))
    with pytest.raises(LetterNotSent):
        await sender.send(letter(sender), NOON_MS)
    assert mailbox.letters == []


async def test_a_server_by_another_name_than_its_certificates_gets_nothing(
    mailbox: Mailbox, files: dict[str, Path]
) -> None:
    sender = Sender(settings(files, smtp_port=mailbox.port, smtp_host="127.0.0.1"))
    with pytest.raises(LetterNotSent, match="cannot be used"):
        await sender.send(letter(sender), NOON_MS)
    assert mailbox.letters == []


async def test_a_recipient_whom_the_server_refuses_keeps_nobody_else_from_their_letter(
    mailbox: Mailbox, files: dict[str, Path]
) -> None:
    mailbox.unknown = "anna@example.be"
    sender = Sender(settings(files, smtp_port=mailbox.port))
    with pytest.raises(LetterNotSent, match="refuses the recipient") as refused:
        await sender.send(letter(sender), NOON_MS)
    assert "anna" not in str(refused.value)
    await sender.send(letter(sender, 1), NOON_MS)
    assert [one.rcpt_tos for one in mailbox.letters] == [["luc@example.be"]]


async def test_a_server_that_is_slow_to_take_a_letter_is_waited_for_and_no_longer_than_a_try(
    mailbox: Mailbox, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(settings(files, smtp_port=mailbox.port))
    one = letter(sender)
    mailbox.goes_on.clear()
    monkeypatch.setattr(sending, "TRY_S", 0.5)
    with pytest.raises(LetterNotSent, match="no answer within"):
        await sender.send(one, NOON_MS)
    assert mailbox.letters == []
    monkeypatch.undo()
    mailbox.set_going()
    await sender.send(one, NOON_MS)
    ids = {message_from_bytes(each.content or b"")["Message-ID"] for each in mailbox.letters}
    assert len(ids) == 1, "a letter that came twice is one"


async def test_a_wrong_password_is_said_without_it(mailbox: Mailbox, files: dict[str, Path]) -> None:
    files["password"].write_text("another\n")
    sender = Sender(settings(files, smtp_port=mailbox.port))
    with pytest.raises(LetterNotSent, match="answered 535") as refused:
        await sender.send(letter(sender), NOON_MS)
    assert "another" not in str(refused.value)


async def test_a_webhook_can_check_who_calls_and_when(hook: Hook, files: dict[str, Path]) -> None:
    sender = Sender(hooked(files, hook.url))
    one = letter(sender)
    await sender.send(one, NOON_MS)
    ((method, headers, body),) = hook.asked
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert (method, headers["webhook-signature"]) == ("POST", f"v1,{wanted}")
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (one.uid, str(NOON_MS // 1000))
    said = json.loads(body)
    assert (said["id"], said["kind"], said["new"]) == (one.uid, "notices", [LINE])
    assert said["text"].keys() == set(words.LANGUAGES)
    await sender.send(one, NOON_MS + 60_000)
    again = hook.asked[1][1]
    assert again["webhook-id"] == one.uid, "who has taken it knows it again"
    assert again["webhook-timestamp"] != headers["webhook-timestamp"]


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks 1.0.0."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = sending.signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_what_a_webhook_does_not_take_is_said(hook: Hook, files: dict[str, Path], status: int) -> None:
    hook.status = status
    sender = Sender(hooked(files, hook.url))
    with pytest.raises(LetterNotSent, match=f"answered {status}"):
        await sender.send(letter(sender), NOON_MS)
    assert len(hook.asked) == 1, "a redirect is not followed"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"webhook_url": "http://hooks.example/"}, "https"),
        ({"webhook_url": f"https://{'user:word'}@hooks.example/"}, "no name and password"),
        ({"webhook_url": "https://hooks.example/"}, "webhook_secret_file"),
        ({"smtp_host": ""}, "smtp_host"),
        ({"smtp_host": "mail.example", "smtp_security": "none"}, "this machine"),
        ({"email_to": {"nobody": "nl"}}, "addresses"),
        ({"email_to": {"anna@example.be": "it"}}, "email_to"),
        ({"deadlines": {"Site 12": "half past eight"}}, "no time of a day"),
        ({"kinds": ["everything"]}, "none of"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any], says: str, files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=says):
        settings(files, **wrong)


def test_secrets_that_everybody_may_read_or_that_are_none_are_refused(files: dict[str, Path]) -> None:
    files["password"].chmod(0o644)
    with pytest.raises(SettingsError, match="everybody"):
        Sender(settings(files))
    files["password"].chmod(0o640)
    files["secret"].write_text("too short\n")
    with pytest.raises(SettingsError, match="no webhook secret"):
        Sender(hooked(files, "https://hooks.example/"))


# --- in the bridge ---


async def until(condition: Callable[[], bool]) -> None:
    """Returns once it holds; the run's limit ends one that never does."""
    while not condition():  # noqa: ASYNC110 - it is of another thread, or process
        await asyncio.sleep(0.01)


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """A server that accepts connections and never answers: its port."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in held:
        writer.close()
    server.close()


def caller(world: World, own: NoticesSettings, troubles: list[str], folder: Path) -> Caller:
    paths = {name: folder / name for name in ("ca", "certificate", "key")}
    whole = BridgeSettings.model_validate(
        {
            "broker": paths,
            "secrets": {"data_key_file": folder / "data.key"},
            "authority": {"kind": "file", "path": folder / "declarations"},
            "notices": own,
        }
    )
    return Caller(world.store, whole, Sender(own), lambda: world.now_ms, lambda: iter(troubles))


async def test_what_could_not_be_sent_is_sent_once_after_a_restart(
    world: World, hook: Hook, files: dict[str, Path], tmp_path: Path
) -> None:
    own = hooked(files, hook.url, patience_minutes=0)
    hook.status = 503
    first = caller(world, own, ["broker"], tmp_path)
    await first.work()
    assert first.outcomes == {"failed": 1}
    hook.status = 204
    second = caller(world, own, ["broker"], tmp_path)
    await second.work()
    assert len(hook.asked) == 1, "its pause is not over"
    world.now_ms += book.FIRST_PAUSE_MS
    await second.work()
    await second.work()
    assert second.outcomes == {"sent": 1}
    uids = [headers["webhook-id"] for _, headers, _ in hook.asked]
    assert len(uids) == 2
    assert len(set(uids)) == 1


async def test_two_that_look_at_one_store_at_once_send_each_letter_once(
    world: World, hook: Hook, files: dict[str, Path], tmp_path: Path
) -> None:
    own = hooked(files, hook.url, patience_minutes=0)
    callers = [caller(world, own, ["broker"], tmp_path) for _ in range(2)]
    await asyncio.gather(*(one.work() for one in callers))
    assert len(hook.asked) == 1
    assert [len(world.rows(table)) for table in (schema.notices, schema.letters)] == [1, 1]


async def test_the_summary_goes_out_at_its_time_once_a_day(
    world: World, hook: Hook, files: dict[str, Path], tmp_path: Path
) -> None:
    world.punches(*world.clock.start(), world.clock.punch(bytes.fromhex("0badcafe")))
    made = caller(world, hooked(files, hook.url, kinds=[], summary_at="12:05"), [], tmp_path)
    for minutes, sent in ((4, 0), (5, 1), (6, 1), (12 * 60 + 6, 1), (24 * 60 + 5, 2)):
        world.now_ms = NOON_MS + minutes * 60_000
        await made.work()
        assert len(hook.asked) == sent, f"{minutes} minutes after noon"
    assert json.loads(hook.asked[0][2])["day"] == "2026-01-05"


async def test_a_recipient_who_is_in_the_settings_no_more_gets_nothing(
    world: World, hook: Hook, files: dict[str, Path], tmp_path: Path
) -> None:
    hook.status = 503
    await caller(world, hooked(files, hook.url, patience_minutes=0), ["broker"], tmp_path).work()
    world.now_ms += book.FIRST_PAUSE_MS
    other = caller(world, hooked(files, hook.url + "/other", patience_minutes=0), ["broker"], tmp_path)
    await other.work()
    assert other.outcomes == {"withdrawn": 1}
    assert len(hook.asked) == 1


async def test_a_mail_server_that_hangs_costs_no_punch(
    world: World, silent: int, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings(files, smtp_port=silent, smtp_host="127.0.0.1", patience_minutes=0)
    hanging = caller(world, own, ["broker"], tmp_path)
    round_ = asyncio.create_task(hanging.work())
    await until(lambda: bool(world.rows(schema.letters)))
    assert not round_.done()
    world.status(world.clock.online(session=b"session1"))
    taken = await world.store.writing(lambda _: "taken")
    assert taken == "taken", "the store's one writer is free"
    assert not round_.done(), "the mail server still hangs"
    round_.cancel()
    await asyncio.wait([round_])
    monkeypatch.setattr(sending, "TRY_S", 0.05)
    world.now_ms += book.FIRST_PAUSE_MS  # until then those that it had taken are its own
    await hanging.work()
    assert hanging.outcomes == {"failed": 2}, "a try ends by itself, and the letter waits"


async def test_the_heartbeat_is_given_only_while_the_store_can_be_written(
    world: World, hook: Hook, files: dict[str, Path], tmp_path: Path
) -> None:
    own = hooked(files, hook.url, heartbeat_url=hook.url)
    beating = asyncio.create_task(Heartbeat(world.store, Sender(own), 0.01).run())
    await until(lambda: len(hook.asked) >= 2)
    assert hook.asked[0][0] == "GET"
    beating.cancel()
    await asyncio.wait([beating])
    world.store.close()
    gone = Store(f"sqlite:///{tmp_path}/no folder/bridge.db")
    hook.asked.clear()
    with capture_logs() as logged:
        beating = asyncio.create_task(Heartbeat(gone, Sender(own), 0.01).run())
        await until(lambda: len(logged) >= 2)
        beating.cancel()
        await asyncio.wait([beating])
    gone.close()
    assert hook.asked == []
    assert [one["log_level"] for one in logged[:2]] == ["warning", "debug"], "it is said once"


@pytest.mark.usefixtures("files")
def test_the_command_tries_everybody_and_says_what_came_of_it(mailbox: Mailbox, hook: Hook, tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[broker]\nca = "a"\ncertificate = "b"\nkey = "c"\n[secrets]\ndata_key_file = "d"\n'
        '[authority]\nkind = "file"\npath = "e"\n[notices]\n'
        'email_to = { "anna@example.be" = "nl" }\nemail_from = "b@example.be"\nsmtp_host = "localhost"\n'
        f'smtp_port = {mailbox.port}\nsmtp_user = "bridge"\nsmtp_password_file = "password"\nca = "ca.pem"\n'
        f'webhook_url = "{hook.url}"\nwebhook_secret_file = "secret"\nheartbeat_url = "{hook.url}"\n'
    )
    done = CliRunner().invoke(notices_cli.app, ["test", "--config", str(config)])
    assert (done.exit_code, done.stdout) == (0, "anna@example.be: taken\nwebhook: taken\nheartbeat: answered\n")
    read = message_from_bytes(mailbox.letters[0].content or b"", policy=policy.default)
    assert "Proef" in read["Subject"]
    hook.status = 500
    done = CliRunner().invoke(notices_cli.app, ["test", "--config", str(config)])
    assert done.exit_code == 1
    assert "webhook: 127.0.0.1 answered 500" in done.stdout


NO_ADDRESSES = ["https://[::1/beat", "https://example.be:99999/beat", "https://ex\x01ample.be/"]


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_an_address_that_is_none_is_refused_in_the_settings(url: str) -> None:
    with pytest.raises(ValidationError):
        NoticesSettings(heartbeat_url=url)


@pytest.mark.parametrize("url", [*NO_ADDRESSES, "https://xn--/beat"])
async def test_an_address_that_cannot_be_asked_ends_no_part_of_the_bridge(url: str) -> None:
    sender = Sender(NoticesSettings.model_construct(heartbeat_url=url))
    with pytest.raises(LetterNotSent):
        await sender.beat()
