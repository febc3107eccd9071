"""What an attack through the broker costs the bridge, and the clocks beside the attacker."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from badgeclock.bridge.store import event_log, schema
from badgeclock.protocol.record import RECORD_BYTES
from tests.bench.load import LoadClock, Rig, publish

INVENTED: Final = 20_000
STATUSES: Final = 2_000
_OPEN_ACL: Final = "pattern readwrite #\n"
"""Access rules that refuse nothing: a broker that somebody else holds."""
_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.04
"""Some 2,500 messages a second."""
_QUIET_S: Final = 3.0


def measure() -> dict[str, float]:
    """Every attack, each on a broker and a bridge of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return {"attack.bridge_rss_mb.events": events_mb(Path(folder))}


def events_mb(folder: Path) -> float:
    """The most that the bridge takes beyond what it had, MB, while 20,000 invented clocks write and one known clock
    says 2,000 statuses with another text each.
    """
    rig = Rig(folder)
    try:
        (folder / "broker" / "acl").write_text(_OPEN_ACL)
        (clock,) = rig.add_clocks("clock", 1)
        rig.start()
        clock.connect(rig)
        pids = rig.pids("bridge")
        before_kb = _peak_kb(pids, begin=True)
        names = (f"made-up-{number:05d}" for number in range(INVENTED))
        _send(clock, [publish(f"badgeclock/v1/{name}/punches".encode(), bytes(RECORD_BYTES)) for name in names])
        _send(clock, [_refusing_status(clock, version) for version in range(STATUSES)])
        _wait_for_end(rig)
        return (_peak_kb(pids) - before_kb) / 1024
    finally:
        rig.close()


def _refusing_status(clock: LoadClock, version: int) -> bytes:
    why = f"because of {version} and {os.urandom(20).hex()}"
    frame = clock.clock.online(settings_refused=(version, why))
    return publish(clock.clock.topic("status").encode(), frame)


def _send(clock: LoadClock, packets: list[bytes]) -> None:
    assert clock.socket is not None
    for at in range(0, len(packets), _AT_ONCE):
        clock.socket.sendall(b"".join(packets[at : at + _AT_ONCE]))
        time.sleep(_PAUSE_S)


def _wait_for_end(rig: Rig) -> None:
    """Wait until the bridge writes no events any more; it has written some."""
    table, count, moved_at = schema.events, -1, time.monotonic()
    while time.monotonic() - moved_at < _QUIET_S:
        with rig.store.read() as connection:
            now = connection.execute(select(func.sum(table.c.times))).scalar() or 0
        if now != count:
            count, moved_at = now, time.monotonic()
        time.sleep(0.1)
    with rig.store.read() as connection:
        rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
    kinds = len(event_log.Kind)
    if not count or rows > (event_log.ROWS_MOST + 1) * kinds:
        raise RuntimeError(f"{rows} rows of events, of {count} in all")


def _peak_kb(pids: list[int], *, begin: bool = False) -> int:
    """The most memory that these processes have had together since the last beginning, KB (VmHWM)."""
    if begin:
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
