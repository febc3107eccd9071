"""Rubbish that is nearly right: frames of a clock with its key, through the real broker; lists; questions to `/api`."""

from __future__ import annotations

import contextlib
import io
import random
import ssl
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import settings
from schemathesis import Case
from starlette.responses import JSONResponse
from tests.bench.load import PATIENCE_S, Drive, LoadClock, Rig, now_ms, publish
from tests.fuzzing import LONG_S, QUICK_S, ask_everything, changed, rounds, seed
from tests.host.bridge.people.test_imports import WORKBOOK, book
from tests.host.bridge.world import NOON_MS, World

from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import Kind
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web import status_api, status_views
from badgeclock.protocol import frames
from badgeclock.protocol.frames import NO_SESSION, Command, Frame, FrameType, Report, RosterAnswer, RosterResult
from badgeclock.protocol.record import BATCH_RECORDS, RECORD_BYTES

PAYLOAD_MOST: Final = 4096
FRAMES_A_TIME: Final = 25
FRAMES_A_SECOND: Final = 500
UPWARD: Final = ("punches", "status", "desk", "report", "roster")
TYPES: Final = (FrameType.STATUS, FrameType.REPORT, FrameType.DESK, FrameType.ROSTER_ANSWER)
LISTS: Final = {
    Kind.WORKERS: "reference;name;niss;employer\nW-100;Carl Proef;00000100166;0438195916\n",
    Kind.BADGES: "site;worker;uid\nQuay 7;W-001;04:A1:B2:C3\n",
    Kind.EXPECTED: "worker;site;day;from;to\nW-001;Quay 7;2026-01-05;07:00;15:30\n",
}
WHO = Operator("anna", "a fuzzed list")


def frame_of(clock: LoadClock, chance: random.Random) -> bytes:
    """A PUBLISH of the clock: of rubbish, of records, or of a frame that its key vouches for, changed or not."""
    own = clock.clock
    kind = chance.randrange(4)
    if kind == 0:
        payload = chance.randbytes(chance.choice((0, 1, 63, 64, 65, 700, PAYLOAD_MOST)))
    elif kind == 1:
        raws = b"".join(chance.choice(clock.sealed) for _ in range(chance.randint(1, BATCH_RECORDS)))
        payload = changed(raws, chance) if chance.random() < 0.7 else raws
        if chance.random() < 0.5:
            payload = payload[: len(payload) // RECORD_BYTES * RECORD_BYTES]
    else:
        body = chance.choice((_status, _report, _answer))(clock, chance)
        body = changed(body, chance) if chance.random() < 0.8 else body
        counter = frames.upward_counter(chance.randint(0, 3), chance.randint(0, 3), chance.randint(0, 1000))
        frame = Frame(chance.choice(TYPES), counter, body[: frames.FRAME_BYTES_MAX - 64])
        payload = frames.seal_frame(frames.upward_key(own.link_key), own.name, NO_SESSION, frame)
        payload = changed(payload, chance, 1) if kind == 3 and chance.random() < 0.3 else payload
    return publish(own.topic(chance.choice(UPWARD)).encode(), payload[:PAYLOAD_MOST], retain=chance.random() < 0.1)


def _status(clock: LoadClock, chance: random.Random) -> bytes:
    key, name = frames.upward_key(clock.clock.link_key), clock.clock.name
    said = clock.clock.online(settings_refused=(chance.randrange(9), "\u00e9" * chance.randrange(20)))
    return frames.open_frame(key, name, NO_SESSION, said).body


def _report(_: LoadClock, chance: random.Random) -> bytes:
    told = {"reader": chance.choice(("good", "", [], None, {"a": 1}, 1e308)), "lines": ["x" * chance.randrange(300)]}
    return frames.pack_report(Report(chance.randrange(5), chance.choice(list(Command)), told))


def _answer(_: LoadClock, chance: random.Random) -> bytes:
    return frames.pack_roster_answer(
        RosterAnswer(chance.randrange(2**32), chance.randrange(2**16), chance.choice(list(RosterResult)))
    )


def _drain(clock: LoadClock) -> None:
    """Discard the bridge's answers."""
    assert clock.socket is not None
    clock.socket.settimeout(0)
    try:
        with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
            while clock.socket.recv(16_384):
                pass
    finally:
        clock.socket.settimeout(PATIENCE_S)


def _fuzz_frames(folder: Path, seconds: float) -> None:
    begun, rig = seed(), Rig(folder)
    print(f"BADGECLOCK_FUZZ_SEED={begun}")
    try:
        tokens = rig.employ(5)
        hostile, honest = rig.add_clocks("clock", 2)
        hostile.seal(5, 3, tokens, now_ms())
        honest.seal(20, 1, tokens, now_ms())
        rig.start()
        for clock in (hostile, honest):
            clock.connect(rig)
        for chance in rounds(seconds, begun):
            packets = b"".join(frame_of(hostile, chance) for _ in range(FRAMES_A_TIME))
            try:
                assert hostile.socket is not None
                hostile.socket.sendall(packets)
                _drain(hostile)
            except OSError:
                with contextlib.suppress(OSError):
                    hostile.connect(rig)
            time.sleep(FRAMES_A_TIME / FRAMES_A_SECOND)
        drive = Drive([honest])
        drive.run(window=4)
        assert drive.done
        honest.check_last_ack()
        rig.wait_ready()
        assert rig.processes["bridge"].poll() is None
        log = (folder / "bridge.log").read_text()
        assert "Traceback" not in log, log[-3000:]
        assert "not committed" not in log, log[-3000:]
    finally:
        rig.close()


def test_no_frame_of_a_clock_stops_the_bridge_or_another_clock(tmp_path: Path) -> None:
    _fuzz_frames(tmp_path, QUICK_S)


@pytest.mark.torture
@pytest.mark.timeout(LONG_S + 300)
def test_no_frame_of_a_clock_stops_the_bridge_or_another_clock_at_length(tmp_path: Path) -> None:
    _fuzz_frames(tmp_path, LONG_S)


def _of_parts(content: bytes, chance: random.Random) -> bytes:
    """A spreadsheet one of whose parts is changed, and which is packed again as it should be."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        names = before.namelist()
        chosen = chance.choice(names)
        for name in names:
            part = before.read(name)
            after.writestr(name, changed(part, chance) if name == chosen else part)
    return made.getvalue()


def _people(world: World) -> list[object]:
    return [world.rows(table) for table in (schema.workers, schema.badges, schema.sites, schema.expected, schema.acts)]


def _fuzz_lists(world: World, seconds: float) -> None:
    begun, workbook = seed(), book(**WORKBOOK)
    print(f"BADGECLOCK_FUZZ_SEED={begun}")
    before = _people(world)
    for chance in rounds(seconds, begun):
        kind = chance.choice([*LISTS, None, None])
        if kind is None:
            name, content = "book.xlsx", chance.choice((_of_parts, changed))(workbook, chance)
        else:
            name, content = "list.csv", changed(LISTS[kind].encode(), chance)
        with contextlib.suppress(SheetError):
            imports.rehearse(world.store, world.vault, imports.tables(content, name, kind), WHO, world.now_ms)
    assert _people(world) == before, "a rehearsal changes nothing"


def test_no_list_is_more_than_refused(world: World) -> None:
    _fuzz_lists(world, QUICK_S)


@pytest.mark.torture
@pytest.mark.timeout(LONG_S + 300)
def test_no_list_is_more_than_refused_at_length(world: World) -> None:
    _fuzz_lists(world, LONG_S)


class Served:
    """The interface for schemathesis: described when tests are collected, over a world once one of them runs. The
    description is here alone: the bridge gives it to nobody.
    """

    def __init__(self) -> None:
        self.serve(Store("sqlite:///never-opened.db"), Vault(bytes(32)))

    def serve(self, store: Store, vault: Vault) -> None:
        """Answer from that store."""
        http = HttpSettings(names=("testserver", "localhost"))
        self._app = status_api.create_app(store, vault, Metrics(), lambda: True, http, lambda: NOON_MS)
        described = status_views.create_app(store, vault, lambda: NOON_MS).openapi()
        named = {f"{status_api.API}{path}": rest for path, rest in described["paths"].items()}
        named |= {
            path: {"get": {"responses": {"200": {"description": ""}}}} for path in ("/livez", "/readyz", "/metrics")
        }
        self._description = JSONResponse({**described, "paths": named})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answering = self._description if scope["path"] == "/openapi.json" else self._app
        await answering(scope, receive, send)


SERVED = Served()
DESCRIBED = schemathesis.openapi.from_asgi("/openapi.json", SERVED)
# Who asks for a clock that is not there gets 404, and a store that does not work 503: neither is described.
CHECKS = (schemathesis.checks.not_a_server_error,)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with something in it, behind the window."""
    world = World(tmp_path_factory.mktemp("world"))
    world.punches(*world.clock.start(), world.clock.punch())
    SERVED.serve(world.store, world.vault)
    yield world
    world.close()


@DESCRIBED.parametrize()
@settings(max_examples=2, deadline=None)
@pytest.mark.usefixtures("served")
def test_whatever_the_window_is_asked_it_does_not_fail(case: Case) -> None:
    case.call_and_validate(checks=CHECKS)


@pytest.mark.torture
@pytest.mark.timeout(LONG_S + 300)
@pytest.mark.usefixtures("served")
def test_whatever_the_window_is_asked_it_does_not_fail_at_length() -> None:
    ask_everything(DESCRIBED, LONG_S, lambda case: case.call_and_validate(checks=CHECKS))
