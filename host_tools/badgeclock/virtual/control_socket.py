"""The control socket of a virtual clock: a person's actions and observations at the clock, over a unix socket.

A request is one line of JSON, `{"do": name, ...arguments}`; the answer one line, `{"ok": result}` or `{"error":
sentence}`. Times are CLOCK_MONOTONIC milliseconds, the same in every process of the machine.

`ControlServer` serves a VirtualBoard; `ClockControl` is the client: synchronous, standard library only, one thread at a
time.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from badgeclock.errors import BadgeclockError
from badgeclock.virtual.errors import ControlError

if TYPE_CHECKING:
    from badgeclock.virtual.board import VirtualBoard

Event = dict[str, Any]

# The client's margin beyond the board's own waiting time.
ANSWER_TIMEOUT_S = 10.0
SOCKET_NAME = "door.sock"


@dataclass(frozen=True)
class TapResult:
    """A badge brought to the reader: its id among the events (`field_on`) and the time of it, ms."""

    id: int
    t_field: float


@dataclass(frozen=True)
class Shown:
    """Text that was waited for: all lines of the display, and when it was written there, ms."""

    lines: list[str]
    t_ms: float


class ClockControl:
    """A virtual clock seen from outside. `path` is its folder or the socket in it.

    Connects at the first request, and again after a restart of the clock; waits up to `timeout_s` for the clock to open
    its socket. Every method raises ControlError when the clock does not answer or cannot do it. Safe between threads,
    one request at a time.
    """

    def __init__(self, path: Path | str, *, timeout_s: float = 5.0) -> None:
        path = Path(path)
        self.path = path if path.name == SOCKET_NAME else path / SOCKET_NAME
        self._timeout_s = timeout_s
        self._connection: tuple[socket.socket, BinaryIO] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the clock continues."""
        if self._connection is not None:
            client, lines = self._connection
            self._connection = None
            lines.close()
            client.close()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + self._timeout_s
        while True:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                with _short(self.path) as address:
                    client.connect(address)
            except OSError as error:
                client.close()
                if time.monotonic() >= deadline:
                    raise ControlError(
                        what=f"no virtual clock answers at {self.path} ({error.strerror})",
                        kept="nothing was sent",
                        do=f"start it with `badgeclock virtual run --dir {self.path.parent}`",
                    ) from error
                time.sleep(0.01)
            else:
                return client

    def _ask(self, do: str, *, wait_s: float = 0.0, **arguments: Any) -> Any:
        request = json.dumps({"do": do, **arguments}).encode() + b"\n"
        with self._lock:
            if self._connection is not None and _ended(self._connection[0]):
                self.close()
            if self._connection is None:
                client = self._connect()
                self._connection = (client, client.makefile("rb"))
            client, lines = self._connection
            try:
                client.settimeout(wait_s + ANSWER_TIMEOUT_S)
                client.sendall(request)
                line = lines.readline()
            except OSError as error:
                self.close()
                raise _gone(self.path, do) from error
            if not line:
                self.close()
                raise _gone(self.path, do)
        answer = json.loads(line)
        if "error" in answer:
            raise ControlError(
                what=f"the virtual clock could not {do}: {answer['error']}",
                kept="its state",
                do="look at its console.log and at `badgeclock virtual events`",
            )
        return answer["ok"]

    # ---- badges, keys, case

    def tap(
        self,
        uid_hex: str,
        hold_ms: float = 400,
        kind: str | None = None,
        frames: float | None = None,
        looks: int | None = None,
    ) -> TapResult:
        """Hold a badge to the reader for `hold_ms` and return at once.

        `kind`: see wallet.kinds(); None: the DESFire that this UID was last held or tapped as, else by UID size.
        `frames`: it leaves after so many of its answers; n.5: it acts on the frame after them, and does not answer.
        `looks`: it does not leave before the reader has looked for it so often; None: as often as a clock does in that
        time, which it may not on a busy machine.
        """
        return TapResult(*self._ask("tap", uid=uid_hex, hold_ms=hold_ms, kind=kind, frames=frames, looks=looks))

    def hold(self, uid_hex: str, kind: str | None = None, frames: float | None = None) -> TapResult:
        """Lay a badge on the reader until remove()."""
        return TapResult(*self._ask("hold", uid=uid_hex, kind=kind, frames=frames))

    def kinds(self) -> list[str]:
        """The kinds of badges there are."""
        return [str(kind) for kind in self._ask("kinds")]

    def remove(self) -> int:
        """Take all badges away from the reader; how many there were."""
        return int(self._ask("remove"))

    def press(self, key: str, ms: float = 150) -> int:
        """Press a key (info, in, out, break) for `ms` and return at once; one that is still down is let go before.

        It is down until the clock has read it as often as it does in that time. Gives its id among the events (`key`).
        """
        return int(self._ask("press", key=key, ms=ms))

    def open_case(self) -> None:
        """Open the clock's case."""
        self._ask("open_case")

    def close_case(self) -> None:
        """Close the clock's case."""
        self._ask("close_case")

    # ---- display, sound, light

    def screen_text(self) -> list[str]:
        """The lines of text on the display, top to bottom; larger glyphs are one line."""
        return [str(line) for line in self._ask("screen_text")]

    def screen_png(self, scale: int = 4) -> bytes:
        """The display as a PNG, `scale` pixels a pixel."""
        return base64.b64decode(self._ask("screen_png", scale=scale))

    def tones(self) -> list[dict[str, float]]:
        """The tones since the board was made: t_ms, freq (Hz), duration_ms when over."""
        return list(self._ask("tones"))

    def tone_hz(self) -> int:
        """The tone that sounds now, Hz; 0 for silence."""
        return int(self._ask("tone_hz"))

    def leds(self) -> dict[str, bool]:
        """Which LEDs are on: green, red."""
        return dict(self._ask("leds"))

    def wait_text(self, *substrings: str, timeout: float = 10.0, after: int | None = None) -> Shown:
        """Wait until the display shows each of `substrings` within a line, or has shown them since the event `after`.

        Raises ControlError after `timeout` s.
        """
        lines, t_ms = self._ask("wait_text", wait_s=timeout, substrings=substrings, timeout=timeout, after=after)
        return Shown(lines, t_ms)

    # ---- power, serial line

    def plug_in(self) -> None:
        """Give the clock power."""
        self._ask("plug_in")

    def plug_out(self) -> None:
        """Cut its power, in the middle of its work."""
        self._ask("plug_out")

    def reset(self) -> None:
        """Press its reset button."""
        self._ask("reset")

    def hold_boot(self) -> None:
        """Hold its BOOT button: from the next start on it runs no script and stays in the REPL."""
        self._ask("hold_boot")

    def release_boot(self) -> None:
        """Release BOOT."""
        self._ask("release_boot")

    def cut_after(self, n_bytes: int, erase: str | None = None) -> None:
        """Cut its power in the middle of flash work, after `n_bytes` more bytes programmed or sectors erased.

        `erase`: the result of an interrupted erase: untouched, ones, random, prefix; None: the board's seed decides.
        """
        self._ask("cut_after", n=n_bytes, erase=erase)

    def break_flash(self, fault: str, partition: str, at: int, mask: int = 1) -> None:
        """Break its flash at byte `at` of a partition.

        `fault`: dead (the sector silently ignores programs and erases), unreadable (reads of the sector fail), rot (the
        bits of `mask` in that byte turn), unstable (they read differently each time).
        """
        self._ask("break_flash", fault=fault, partition=partition, at=at, mask=mask)

    def mend_flash(self) -> None:
        """End every lasting fault of its flash; its content is unchanged."""
        self._ask("mend_flash")

    def set_rtc(self, unix_s: float) -> None:
        """Set its RTC chip to a Unix time, right or wrong."""
        self._ask("set_rtc", unix_s=unix_s)

    def rtc_battery_empty(self) -> None:
        """Take the RTC chip's battery out and put it back."""
        self._ask("rtc_battery_empty")

    def set_temperature(self, celsius: float) -> None:
        """Warm or cool the RTC chip, which measures the clock's temperature."""
        self._ask("set_temperature", celsius=celsius)

    def set_rssi(self, dbm: int) -> None:
        """Move the access point: its signal at the clock, -1 to -127 dBm."""
        self._ask("set_rssi", dbm=dbm)

    def noise(self, rate: float, seed: int = 0) -> None:
        """Let each bit in the air turn with the probability `rate`; 0 for a quiet field."""
        self._ask("noise", rate=rate, seed=seed)

    def dip_display(self) -> None:
        """Let the supply of its display dip for a moment."""
        self._ask("dip_display")

    def hang_reader(self, how: str = "spi", seed: int = 0) -> None:
        """Make the reader chip stop reading badges: spi, command, crypto, antenna, registers (which: by `seed`) or
        brown-out; see chips/mfrc522.py.
        """
        self._ask("hang_reader", how=how, seed=seed)

    def break_wire(self, what: str) -> None:
        """Break one of the reader's wires: miso-high, miso-low, miso, reset, irq; until mend_wires()."""
        self._ask("break_wire", what=what)

    def mend_wires(self) -> None:
        """Repair the reader's wires."""
        self._ask("mend_wires")

    def tty(self) -> str:
        """The path of its serial port, for mpremote."""
        return str(self._ask("tty"))

    # ---- network

    def network_up(self) -> None:
        """Let the network pass everything."""
        self.network("up")

    def network_down(self) -> None:
        """Switch the access point off: connections go silent, and are reset when it is back."""
        self.network("down")

    def network(self, mood: str) -> None:
        """A mood of accesspoint.py: up, down, silent, forgotten, moved, deaf-dns and so on."""
        self._ask("network", mood=mood)

    # ---- events

    def events(self, after: int = 0) -> list[Event]:
        """Events since the one with id `after`: id, t_ms, kind and more by kind.

        Kinds: power, boot, started, reset, crash, field_on, selected (the reader has the badge's UID) and field_off
        (tap: the id of the field_on), tone_on, tone_off (freq), led (led, on), display (lines), key, case,
        wlan (state), network (mood), connection.
        """
        return list(self._ask("events", after=after))

    def wait_event(self, kind: str, *, after: int = 0, timeout: float = 10.0) -> Event:
        """The first event of `kind` with an id above `after`, when there. Raises ControlError after `timeout` s."""
        return dict(self._ask("wait_event", wait_s=timeout, kind=kind, after=after, timeout=timeout))

    def signal_after(self, tap: TapResult, timeout: float = 30.0) -> float:
        """Tap to signal, ms: from the badge in the field to the first tone that starts after it."""
        return float(self.wait_event("tone_on", after=tap.id, timeout=timeout)["t_ms"]) - tap.t_field

    def stats(self) -> dict[str, Any]:
        """Counts: spi (transactions, bytes), air (frames, answers, times in ms …), i2c (writes, reads, bytes),
        flash (page_programs, erases …), boots …
        """
        return dict(self._ask("stats"))

    def clear_stats(self) -> None:
        """Reset the counts."""
        self._ask("clear_stats")


def _ended(client: socket.socket) -> bool:
    """Whether the other end has closed the connection (it sends nothing without a request)."""
    client.settimeout(0)
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _gone(path: Path, do: str) -> ControlError:
    return ControlError(
        what=f"the virtual clock at {path} went away before it answered to {do}",
        kept="its flash image is as it was at that moment",
        do="start it again with `badgeclock virtual run`",
    )


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The address of a unix socket, whose path is limited to 107 bytes: by its folder's descriptor if longer."""
    if len(os.fsencode(path)) < 108:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Serves the control socket of `board` at `board.home/door.sock`, a thread per client."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board
        self.path = board.home / SOCKET_NAME
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(self.path) as address:
            self._listener.bind(address)
        self.path.chmod(0o600)
        self._listener.listen(16)
        self._actions = self._make_actions()
        self._clients: set[socket.socket] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the socket and every connection."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), name="control client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as lines:
                for line in lines:
                    client.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        except OSError:
            pass  # the client has gone
        finally:
            self._clients.discard(client)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            action = self._actions[request.pop("do")]
            return {"ok": action(**request)}
        except KeyError as error:
            return {"error": f"there is nothing called {error}"}
        except (ValueError, TypeError, AttributeError, BadgeclockError) as error:
            return {"error": str(error)}

    def _make_actions(self) -> dict[str, Callable[..., Any]]:
        from badgeclock.virtual.accesspoint import Network  # noqa: PLC0415 - a client needs none of the board
        from badgeclock.virtual.board import Break  # noqa: PLC0415
        from badgeclock.virtual.chips.mfrc522 import Hang  # noqa: PLC0415
        from badgeclock.virtual.nor import FlashFault, InterruptedErase  # noqa: PLC0415
        from badgeclock.virtual.wallet import kinds  # noqa: PLC0415

        board = self._board
        return {
            "tap": lambda uid, hold_ms, kind, frames, looks: board.tap(_uid(uid), hold_ms, kind, frames, looks),
            "hold": lambda uid, kind, frames: board.hold(_uid(uid), kind, frames),
            "kinds": kinds,
            "remove": board.remove,
            "press": board.press,
            "open_case": board.open_case,
            "close_case": board.close_case,
            "screen_text": board.screen_text,
            "screen_png": lambda scale: base64.b64encode(board.screen_png(scale)).decode(),
            "tones": board.tones,
            "tone_hz": board.tone_hz,
            "leds": board.leds,
            "wait_text": self._wait_text,
            "plug_in": board.plug_in,
            "plug_out": board.plug_out,
            "reset": board.reset_button,
            "hold_boot": board.hold_boot,
            "release_boot": board.release_boot,
            "cut_after": lambda n, erase: board.cut_after(n, erase=InterruptedErase(erase) if erase else None),
            "break_flash": lambda fault, partition, at, mask: board.break_flash(FlashFault(fault), partition, at, mask),
            "mend_flash": board.mend_flash,
            "set_rtc": board.set_rtc,
            "rtc_battery_empty": board.rtc_battery_empty,
            "set_temperature": board.set_temperature,
            "set_rssi": board.set_rssi,
            "noise": board.set_noise,
            "hang_reader": lambda how, seed: board.hang_reader(Hang(how), seed),
            "dip_display": board.dip_display,
            "break_wire": lambda what: board.break_wire(Break(what)),
            "mend_wires": board.mend_wires,
            "tty": lambda: board.console.path,
            "network": lambda mood: board.set_network(Network(mood)),
            "events": board.all_events,
            "wait_event": self._wait_event,
            "stats": board.stats,
            "clear_stats": board.clear_stats,
        }

    def _wait_text(self, substrings: list[str], timeout: float, after: int | None) -> tuple[list[str], float]:
        def shows(event: Event) -> bool:
            return event["kind"] == "display" and _has_all(event["lines"], substrings)

        if after is None:  # the present text counts, however long it has been there
            displays = (event["id"] for event in reversed(self._board.events.after(0)) if event["kind"] == "display")
            after = next(displays, 1) - 1
        event = self._board.events.wait(shows, after=after, timeout_s=timeout)
        if event is None:
            text = self._board.screen_text()
            raise ValueError(f"after {timeout} s the display shows {text}, not {' and '.join(substrings)}")
        return event["lines"], event["t_ms"]

    def _wait_event(self, kind: str, after: int, timeout: float) -> Event:
        event = self._board.events.wait(lambda event: event["kind"] == kind, after=after, timeout_s=timeout)
        if event is None:
            seen = [event["kind"] for event in self._board.events.after(after)]
            raise ValueError(f"no {kind} within {timeout} s; there were {seen}")
        return event


def _uid(text: str) -> bytes:
    return bytes.fromhex(re.sub(r"[ :.-]", "", text))


def _has_all(lines: list[str], substrings: list[str]) -> bool:
    return all(any(part in line for line in lines) for part in substrings)
