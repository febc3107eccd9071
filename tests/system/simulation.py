"""The whole system under one seed: clocks, broker, bridge and sandboxed authority, and what can happen to them.

One clock is the whole firmware on a virtual board; the others are the firmware's sealed log and uplink, which start in
a second. Each reaches the broker through its own fault proxy. A seed decides who taps which badge where and when,
which faults the networks have, what the access point of the whole clock does, who loses power, which station is killed
and how the authority misbehaves. At the end everything is mended, and then the invariants must hold:

- every signalled punch is in the store once, in its clock's order, and its seal verifies with the host's own code;
- every worker who tapped is registered at the authority exactly once, and the store has the number that it gave.

`plan` is pure: the same seed, the same steps. What the machine makes of their times is its own, so a seed that failed
is run a few times when it is looked into.

The fault `forge` is not among them: a clock whose broker forges repeatedly comes under quarantine, where its punches
are kept and a person decides. It is tried in test_chaos.py.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import select

from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.people.badge_keys import UID_READ
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.database import Store
from badgeclock.bundle import Bundle
from badgeclock.chaos.faults import FAULTS, NONE
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo import cast
from badgeclock.demo.cast import Badge
from badgeclock.demo.process import Process
from badgeclock.demo.stack import Stack
from badgeclock.protocol import seal
from badgeclock.protocol.errors import RecordRefused, SealFailed, SealGap
from badgeclock.protocol.record import Kind, Record
from badgeclock.technician.workshop import Workshop
from badgeclock.virtual.accesspoint import Network
from tests.system.chaos_stack import stored_punches, tap_to_signal_ms
from tests.system.crowd import enroll
from tests.system.uplink_rig import ClockProcess, Keys

RESULTS: Final = Path(__file__).resolve().parents[2] / "build" / "sim.json"
LIGHT_CLOCKS: Final = 3
WORKERS: Final = 12
STEPS: Final = 28
PAUSE_MAX_S: Final = 0.35
SETTLE_S: Final = 90.0
REGISTERED: Final = frozenset({"REGISTERED", "VALIDATED", "REMARKS"})

NETWORK: Final = tuple(name for name in FAULTS if name != "forge")
AIR: Final = tuple(mood.value for mood in Network if not mood.value.endswith("-ntp"))
"""What the access point does, UP among them: the simulated clock gets the time only from its bridge."""
AUTHORITY: Final = (
    "http-500",
    "http-500-after-commit",
    "timeout-after-commit",
    "close-before-reading",
    "close-after-commit",
    "close-half-committed",
    "answer-not-xml",
    "answer-missing",
)
STATIONS: Final = ("broker", "bridge", "sandbox")
"""Processes that can be killed and restarted."""


@dataclass(frozen=True, slots=True)
class Step:
    """After a pause: `what` happens to `whom`, in the way `how`."""

    pause_s: float
    what: str
    whom: int
    how: str = ""


def plan(seed: int) -> list[Step]:
    """The steps of a seed. Each worker taps once; between the taps comes trouble."""
    chance = random.Random(seed)
    clocks = range(LIGHT_CLOCKS + 1)
    steps = [Step(0, "tap", chance.choice(clocks), str(worker)) for worker in range(WORKERS)]
    while len(steps) < STEPS:
        trouble = chance.choices(("network", "air", "power", "station", "authority"), (10, 3, 3, 3, 4))[0]
        if trouble == "network":
            steps.append(Step(0, trouble, chance.choice(clocks), chance.choice((*NETWORK, NONE, NONE))))
        elif trouble == "air":
            steps.append(Step(0, trouble, LIGHT_CLOCKS, chance.choice(AIR)))
        elif trouble == "power":
            steps.append(Step(0, trouble, chance.choice(clocks)))
        elif trouble == "station":
            steps.append(Step(0, trouble, chance.randrange(len(STATIONS))))
        else:
            steps.append(Step(0, trouble, 0, chance.choice(AUTHORITY)))
    chance.shuffle(steps)
    return [Step(chance.uniform(0, PAUSE_MAX_S), step.what, step.whom, step.how) for step in steps]


@dataclass
class Outcome:
    """The result of a seed."""

    seed: int
    injected: Counter[str]
    signalled: int
    broken: list[str] = field(default_factory=list)


def write_summary(outcomes: list[Outcome]) -> None:
    """Adds the outcomes up in RESULTS."""
    injected: Counter[str] = Counter()
    for outcome in outcomes:
        injected.update(outcome.injected)
    summary = {
        "seeds": [outcome.seed for outcome in outcomes],
        "signalled": sum(outcome.signalled for outcome in outcomes),
        "injected": dict(sorted(injected.items())),
        "broken": {outcome.seed: outcome.broken for outcome in outcomes if outcome.broken},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(summary, indent=1) + "\n")


@dataclass(frozen=True)
class _Place:
    shop: Workshop
    port: int


class LightClock:
    """The firmware's log and uplink in MicroPython i386, over its own proxy, through as many lives as needed."""

    def __init__(self, stack: Stack, folder: Path, name: str) -> None:
        self.name = name
        self.keys = Keys.of(stack.workshop, name)
        self.proxy = ChaosProxy(stack.broker_address, workshop=stack.workshop, seed=sum(name.encode()))
        self.signalled: list[int] = []
        self._place = _Place(stack.workshop, self.proxy.port)
        self._folder = folder
        self.clock = self._start()

    def tap(self, token: bytes) -> None:
        mark = len(self.clock.events)
        self.clock.do("punch", count=1, token=token.hex())
        self.signalled.append(int(self.clock.wait("punch", after=mark)["seq"]))

    def cut_power(self) -> None:
        self.clock.plug()
        self.clock = self._start()

    def close(self) -> None:
        self.clock.plug()
        self.proxy.close()

    def _start(self) -> ClockProcess:
        return ClockProcess(self._place, self._folder, keys=self.keys)


class StackClock:
    """The whole firmware on the stack's virtual board."""

    def __init__(self, stack: Stack, proxy: ChaosProxy) -> None:
        self.name = cast.CLOCK_ID
        self.proxy = proxy
        self.taps = len(stored_punches(stack))  # those of the stack's earlier users
        self._stack = stack
        self._control = stack.control

    def tap(self, badge: Badge) -> None:
        tap_to_signal_ms(self._stack, [badge.uid], 0)
        self.taps += 1

    def change_air(self, mood: str) -> None:
        self._control.network(mood)

    def cut_power(self) -> None:
        before = self._control.events()[-1]["id"]
        self._control.plug_out()
        self._control.plug_in()
        self._control.wait_event("started", after=before, timeout=30)
        self._control.wait_text("Hold your badge", timeout=30)


def broken_chain(keys: Keys, signalled: list[int], raws: list[bytes]) -> list[str]:
    """Faults of a clock's stored records: a seal, the order, or a signalled punch that is not among them."""
    state = seal.found(keys.clock_id, keys.e0, keys.nonce)
    stored: list[Record] = []
    try:
        for raw in raws:
            record, state = seal.advance(state, raw)
            stored.append(record)
    except (SealFailed, SealGap, RecordRefused) as error:
        return [f"{keys.clock_id}: record {len(stored)} does not verify: {error}"]
    punches = {record.seq for record in stored if record.kind == Kind.PUNCH}
    missing = [seq for seq in signalled if seq not in punches]
    return [f"{keys.clock_id}: signalled and not stored: {missing}"] if missing else []


class World:
    """One stack with its clocks, through which seed after seed goes."""

    def __init__(self, stack: Stack, proxy: ChaosProxy, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._processes: dict[str, Process] = {
            "broker": stack.broker,
            "bridge": stack.bridge,
            "sandbox": stack.sandbox,
        }
        self._settings = load(stack.bridge_config)
        self._vault = vault.load(self._settings.secrets.data_key_file)
        self.control = StackClock(stack, proxy)
        self.light: list[LightClock] = []
        for number in range(LIGHT_CLOCKS):
            clock = LightClock(stack, folder / f"light-{number}", f"light-{number}")
            self.light.append(clock)
            self._add(clock)
        self._injected_before = self._injected_so_far()

    def close(self) -> None:
        for clock in self.light:
            clock.close()

    def run(self, seed: int) -> Outcome:
        """Go through a seed's plan, mend everything, and judge."""
        badges = enroll(self._stack, f"sim-{seed}", WORKERS)
        signalled_before = sum(len(clock.signalled) for clock in self.light) + self.control.taps
        injected: Counter[str] = Counter()
        for step in plan(seed):
            time.sleep(step.pause_s)
            getattr(self, f"_do_{step.what}")(step, badges, injected)
        self._mend()
        outcome = Outcome(seed, injected, sum(len(clock.signalled) for clock in self.light) + self.control.taps)
        outcome.signalled -= signalled_before
        outcome.injected += self._injected_by_networks()
        outcome.broken = self._judge(badges)
        return outcome

    def keep_evidence(self, seed: int) -> Path:
        """Copy what there is of a seed that broke something: flash images, consoles, logs, store, what the board of
        the virtual clock noted, and the plan. Gives the folder.
        """
        kept = RESULTS.parent / f"sim-{seed}"
        shutil.rmtree(kept, ignore_errors=True)
        for folder in (self._stack.directory, *self._folder.glob("light-*")):
            shutil.copytree(folder, kept / folder.name, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        (kept / "plan.txt").write_text("\n".join(map(str, plan(seed))) + "\n")
        with (kept / "control.jsonl").open("w") as events:
            events.writelines(json.dumps(event) + "\n" for event in self._stack.control.events())
        return kept

    # --- steps ---

    def _do_tap(self, step: Step, badges: list[Badge], _: Counter[str]) -> None:
        badge = badges[int(step.how)]
        if step.whom < LIGHT_CLOCKS:
            self.light[step.whom].tap(self._token(badge))
        else:
            self.control.tap(badge)

    def _do_network(self, step: Step, _badges: list[Badge], _: Counter[str]) -> None:
        self._clocks()[step.whom].proxy.turn(step.how)

    def _do_air(self, step: Step, _: list[Badge], injected: Counter[str]) -> None:
        self.control.change_air(step.how)
        if step.how != Network.UP.value:
            injected[f"access point {step.how}"] += 1

    def _do_power(self, step: Step, _: list[Badge], injected: Counter[str]) -> None:
        self._clocks()[step.whom].cut_power()
        injected["power cut"] += 1

    def _do_station(self, step: Step, _: list[Badge], injected: Counter[str]) -> None:
        process = self._processes[STATIONS[step.whom]]
        process.kill()
        time.sleep(0.1)
        process.start()
        injected[f"{STATIONS[step.whom]} killed"] += 1

    def _do_authority(self, step: Step, _: list[Badge], injected: Counter[str]) -> None:
        self._control({"faults": [{"kind": step.how, "operation": "registerPresences"}]})
        injected[step.how] += 1

    # --- the end ---

    def _mend(self) -> None:
        for clock in self._clocks():
            clock.proxy.turn(NONE)
        self.control.change_air(Network.UP.value)
        self._control({"faults": []})

    def _judge(self, badges: list[Badge]) -> list[str]:
        """Wait until everything is right, at most SETTLE_S; returns the faults."""
        deadline = time.monotonic() + SETTLE_S
        while (broken := self._broken(badges)) and time.monotonic() < deadline:
            time.sleep(0.3)
        return broken

    def _broken(self, badges: list[Badge]) -> list[str]:
        store = Store(self._settings.store.url)
        try:
            with store.read() as connection:
                rows = connection.execute(
                    select(schema.clocks.c.name, schema.records.c.seq, schema.records.c.raw)
                    .join(schema.clocks, schema.clocks.c.id == schema.records.c.clock_id)
                    .order_by(schema.clocks.c.name, schema.records.c.seq)
                ).all()
                numbers = dict(
                    connection.execute(
                        select(schema.workers.c.reference, schema.presences.c.reception_number)
                        .join(schema.workers, schema.workers.c.id == schema.presences.c.worker_id)
                        .where(schema.presences.c.state.in_(REGISTERED))
                    )
                    .tuples()
                    .all()
                )
                declared = Counter(
                    connection.execute(
                        select(schema.workers.c.reference).join(
                            schema.presences, schema.workers.c.id == schema.presences.c.worker_id
                        )
                    ).scalars()
                )
        finally:
            store.close()
        broken = []
        for clock in self.light:
            raws = [bytes(row.raw) for row in rows if row.name == clock.name]
            broken += broken_chain(clock.keys, clock.signalled, raws)
        punches = sum(1 for row in rows if row.name == self.control.name and row.raw[1] == Kind.PUNCH)
        if punches != self.control.taps:
            broken.append(f"{self.control.name}: {self.control.taps} taps signalled, {punches} punches stored")
        received = Counter(entry["reception_number"] for entry in self._stack.received())
        by_authority = Counter(entry["reference"] for entry in self._stack.received())
        broken += [f"registered {times} times: {what}" for what, times in by_authority.items() if times > 1]
        for badge in badges:
            assert badge.worker is not None
            reference = badge.worker.reference
            if declared[reference] != 1:
                broken.append(f"{reference}: {declared[reference]} presences")
            elif reference not in numbers:
                broken.append(f"{reference}: not registered")
            elif received[numbers[reference]] != 1:
                broken.append(f"{reference}: the authority has its number {received[numbers[reference]]} times")
        return broken

    # --- the parts ---

    def _clocks(self) -> list[LightClock | StackClock]:
        return [*self.light, self.control]

    def _injected_by_networks(self) -> Counter[str]:
        """The proxies' counts since the last call."""
        now = self._injected_so_far()
        fresh = now - self._injected_before
        self._injected_before = now
        return fresh

    def _injected_so_far(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for clock in self._clocks():
            total.update(clock.proxy.counts)
        return total

    def _token(self, badge: Badge) -> bytes:
        site_key = self._stack.workshop.site_key(cast.SITE)
        return seal.badge_token(site_key, UID_READ, bytes.fromhex(badge.uid))

    def _add(self, clock: LightClock) -> None:
        bundle = Bundle(
            clock.name,
            cast.SITE,
            self._stack.workshop.clock(clock.name).fingerprint,
            clock.keys.nonce,
            clock.keys.e0,
            clock.keys.k_link,
        )
        store = Store(self._settings.store.url)
        with store.write() as connection:
            enrolment.add(
                connection,
                self._vault,
                enrolment.read_bundle(bundle.to_json().decode()),
                site=cast.SITE,
                now_ms=time.time_ns() // 1_000_000,
            )
        store.close()

    def _control(self, change: dict[str, Any]) -> None:
        httpx.post(f"{self._stack.sandbox_url}/control", json=change, trust_env=False, timeout=5).raise_for_status()
