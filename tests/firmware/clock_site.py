"""A founded clock of a test, from a UID to the signal: shared by the tests of punches and of proofs."""

from app import localtime, punch
from app.log import record, unpacked
from app.log.provisioning import provision
from app.log.recall import recall
from app.log.sealed_log import SealedLog
from app.net.roster import Roster
from app.punch import Punches
from app.recent import Recent
from bench import Time
from nor import Nor

SITE_KEY = b"s" * 32
UIDS = (b"\xde\xad\xbe\xef", b"\x04\xa3\xc6\x52\x11\x7f\x80", b"\x04\x11\x22\x33\x44\x55\x66\x77\x80\x99")
MORNING_S = 1796021880  # 2026-11-30 06:58 UTC
HOUR_S = 3600


class Settings:
    """As far as punches need it."""

    clock_id = "clock-0001"
    direction = "auto"
    duplicate_window_s = 60
    direction_hours = 14


class Timekeeper:
    """A test's clock: the test sets the time."""

    def __init__(self):
        self.utc_s = MORNING_S
        self.up_s = 100

    def stamp(self, stamp):
        stamp.utc_s = self.utc_s
        stamp.ms = 0
        stamp.source = record.SOURCE_BRIDGE if self.utc_s else record.SOURCE_NONE
        stamp.bound = 10 if self.utc_s else record.BOUND_NONE
        stamp.uptime_ms = self.up_s * 1000

    def uptime_s(self):
        return self.up_s

    def local_of(self, utc_s):
        return localtime.local(utc_s, "Europe/Brussels")


class Site:
    """A founded clock. `signals` are (kind, head of the log when it sounded); `notified` counts calls to the uplink."""

    def __init__(self, sectors=4, **settings):
        self.ticks = punch.time = Time()
        self.time = Timekeeper()
        self.settings = Settings()
        for name, value in settings.items():
            setattr(self.settings, name, value)
        self.journal, self.seal = Nor(sectors), Nor(4)
        provision(self.journal, self.seal, "clock-0001", bytes(32), bytes(8), self._stamp())
        self.prover = None
        self.site_key = SITE_KEY
        self.roster = Roster(None)
        self.restart()

    def restart(self):
        self.time.up_s = 2
        self.log = SealedLog(self.journal, self.seal, "clock-0001", bytes(8))
        self.log.open(1, self._stamp())
        self.recent = Recent(is_short=False)
        self.recalled = recall(self.log, self.recent)
        self.signals = []
        self.notified = 0
        self.punches = Punches(
            self.settings,
            self.site_key,
            self.log,
            self.time,
            self.recent,
            self.recalled.latest_s,
            self,
            self._notify,
            self.roster,
            self.prover,
        )
        self.ticks.now_ms += 60000

    def punched(self, outcome):
        self.signals.append((outcome.kind, self.log.head))

    def _notify(self):
        self.notified += 1

    def _stamp(self):
        stamp = record.Stamp()
        self.time.stamp(stamp)
        return stamp

    def tap(self, uid=UIDS[0], after_s=0):
        """Hold a badge to the clock `after_s` later; gives (kind, direction, seq)."""
        self.passes(after_s)
        self.punches.uid[: len(uid)] = uid
        outcome = self.punches.handle(len(uid))
        return outcome.kind, outcome.direction, outcome.seq

    def passes(self, seconds):
        """Let time pass."""
        self.time.utc_s += seconds if self.time.utc_s else 0
        self.time.up_s += seconds
        self.ticks.now_ms += seconds * 1000

    def newest(self):
        buf = bytearray(64)
        assert self.log.read_into(buf, self.log.head - 1, 1)[0] == 1
        return unpacked.unpack(buf)
