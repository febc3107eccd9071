"""The faults, one small class each: what it does with one unit of a stream.

A unit is a chunk of bytes as TCP brought it (`Layer.BYTES`, below TLS), or one whole MQTT packet (`Layer.PACKETS`, seen
by a proxy that ends TLS). `treat` returns the steps that replace the unit; it only decides, so that faults combine:
what one sends is a unit for the next. Random choices come from the flow's own generator, seeded, so a run can be
repeated.
"""

# ruff: noqa: ARG002 - every fault gets the unit and its flow, and few need both

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final

from badgeclock.chaos import mqtt
from badgeclock.errors import SettingsError

NONE: Final = "none"

_REPLAY_KEPT: Final = 64
_SPLIT_BYTES_MAX: Final = 16
_SPLIT_PAUSE_S: Final = 0.001


class Layer(Enum):
    """The layer of a fault."""

    BYTES = "bytes"
    PACKETS = "packets"


class Listening(Enum):
    """The handling of new connections."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"


class Way(Enum):
    """The direction of a flow: up from the clock, or down to it."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes, at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this long."""

    seconds: float


class Do(Enum):
    """Steps without content."""

    HOLD = "hold"  # until the fault is lifted
    CLOSE = "close"  # both ends, cleanly
    RESET = "reset"  # the clock's end, with RST


Step = Send | Pause | Do


@dataclass
class Connection:
    """What the two flows of one connection share."""

    number: int
    bytes_passed: int = 0
    kinds_passed: set[int] = field(default_factory=set)


@dataclass
class Flow:
    """One direction of one connection. `counts` is the proxy's: how often each fault did something."""

    way: Way
    connection: Connection
    chance: random.Random
    counts: Counter[str]
    past: deque[bytes]
    """Earlier publications in this direction, on any connection of the proxy."""
    held: bytes = b""
    """A packet to be overtaken by the next one."""


def flow(way: Way, connection: Connection, seed: int, counts: Counter[str], past: deque[bytes]) -> Flow:
    """A flow whose random choices follow from the seed, the connection's number and the direction."""
    return Flow(way, connection, random.Random(f"{seed}/{connection.number}/{way.value}"), counts, past)


def past() -> deque[bytes]:
    """Room for the publications that `replay` chooses from."""
    return deque(maxlen=_REPLAY_KEPT)


class Fault(ABC):
    """One fault. `amount` is from `name=amount`, in the class's unit."""

    name: ClassVar[str]
    explained: ClassVar[str]
    layer: ClassVar[Layer] = Layer.BYTES
    listening: ClassVar[Listening] = Listening.OPEN
    usual: ClassVar[float | None] = None
    """The default amount; None: the fault takes none."""

    def __init__(self, amount: float | None = None) -> None:
        self.amount = self.usual if amount is None else amount

    def __str__(self) -> str:
        return self.name if self.amount is None else f"{self.name}={self.amount:g}"

    @abstractmethod
    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        """The steps that replace the unit."""

    def _count(self, flow: Flow) -> None:
        flow.counts[self.name] += 1


class _Hold(Fault):
    """Everything waits until the fault is lifted, and then passes, as in a stalled network."""

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        if self.holds(unit, flow):
            self._count(flow)
            yield Do.HOLD
        yield Send(unit)

    def holds(self, unit: bytes, flow: Flow) -> bool:
        """Whether this unit is held."""
        return True


class _Lottery(Fault):
    """Publications are hit with the probability `amount`, up and down; other packets pass."""

    layer = Layer.PACKETS
    usual = 0.5

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        if mqtt.kind(unit) == mqtt.PUBLISH and flow.chance.random() < (self.amount or 0):
            yield from self.hit(unit, flow)
        else:
            yield Send(unit)

    @abstractmethod
    def hit(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        """The steps that replace a publication that was hit."""


# --- below TLS ---


class Refuse(Fault):
    """Connections are refused."""

    name = "refuse"
    explained = "connections are refused, open ones reset at their next byte: its host runs, the broker does not"
    listening = Listening.REFUSED

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        yield Do.RESET


class SwallowEverything(_Hold):
    """All data is lost."""

    name = "black-hole"
    explained = "no connection is answered, open ones go silent: a dead router, a firewall that drops"
    listening = Listening.SILENT


class Drop(Fault):
    """Connections end at once."""

    name = "drop"
    explained = "connections are accepted and closed cleanly at their first bytes: a proxy without a broker"

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        yield Do.CLOSE


class HangAfterAccept(_Hold):
    """Accepted, then silent."""

    name = "hang-accept"
    explained = "connections are accepted and then nothing passes: a broker whose process is stuck"


class Slow(Fault):
    """Byte by byte."""

    name = "slow"
    explained = "byte by byte, each its own segment; amount: bytes a second each way"
    usual = 2000

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        for byte in unit:
            yield Send(bytes((byte,)))
            yield Pause(1 / (self.amount or 1))


class ResetAfter(Fault):
    """RST in the middle of something."""

    name = "reset-after"
    explained = "the connection is reset after so many bytes, both ways together: a router that forgets its connections"
    usual = 3000

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        left = int(self.amount or 0) - flow.connection.bytes_passed
        if len(unit) < left:
            yield Send(unit)
            return
        self._count(flow)
        if left > 0:
            yield Send(unit[:left])
        yield Do.RESET


class Corrupt(Fault):
    """A bit flips on the way."""

    name = "corrupt"
    explained = "a bit of a chunk flips below TLS, on average one in so many bytes: a router with bad memory"
    usual = 2000

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        if flow.chance.random() < len(unit) / (self.amount or 1):
            self._count(flow)
            unit = flip_a_bit(unit, 0, flow.chance)
        yield Send(unit)


class Split(Fault):
    """Pieces instead of chunks."""

    name = "split"
    explained = f"every chunk comes in pieces of 1 to {_SPLIT_BYTES_MAX} bytes, each its own segment"

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        at = 0
        while at < len(unit):
            size = flow.chance.randint(1, _SPLIT_BYTES_MAX)
            yield Send(unit[at : at + size])
            yield Pause(_SPLIT_PAUSE_S)
            at += size


# --- in the broker's place ---


class HangAfterTls(_Hold):
    """TLS, then silent."""

    name = "hang-tls"
    explained = "TLS shakes hands, CONNECT is never answered: a broker that waits for its database"
    layer = Layer.PACKETS


class HangAfterConnect(_Hold):
    """CONNACK, then silent."""

    name = "hang-connect"
    explained = "CONNECT is answered and then nothing passes"
    layer = Layer.PACKETS

    def holds(self, unit: bytes, flow: Flow) -> bool:
        return mqtt.CONNACK in flow.connection.kinds_passed


class HangAfterSubscribe(_Hold):
    """SUBACK, then silent."""

    name = "hang-subscribe"
    explained = "subscriptions are answered and then nothing passes: no publication, no answer to a ping"
    layer = Layer.PACKETS

    def holds(self, unit: bytes, flow: Flow) -> bool:
        subscribing = mqtt.kind(unit) in (mqtt.SUBSCRIBE, mqtt.SUBACK)
        return mqtt.SUBACK in flow.connection.kinds_passed and not subscribing


class Lose(_Lottery):
    """Publications vanish."""

    name = "lose"
    explained = "publications vanish inside the broker, with this probability: QoS 0 over a full queue"

    def hit(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        yield from ()


class Duplicate(_Lottery):
    """Publications come twice."""

    name = "duplicate"
    explained = "publications come twice, with this probability"

    def hit(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        yield Send(unit)
        yield Send(unit)


class Reorder(_Lottery):
    """Publications overtake each other."""

    name = "reorder"
    explained = "a publication is overtaken by the next packet, with this probability"

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        late, flow.held = flow.held, b""
        if not late:
            yield from super().treat(unit, flow)
            return
        yield Send(unit)
        yield Send(late)

    def hit(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        self._count(flow)
        flow.held = unit
        yield from ()


class Replay(_Lottery):
    """Old publications are sent again."""

    name = "replay"
    explained = (
        "behind a publication an old one comes again, of this connection or an earlier one, with this probability"
    )

    def hit(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        yield Send(unit)
        if flow.past:
            self._count(flow)
            yield Send(flow.chance.choice(flow.past))


class Forge(_Lottery):
    """The broker sends wrong packets."""

    name = "forge"
    explained = "a bit of a publication's payload flips inside TLS, with this probability: a broker that lies"

    def hit(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        start = mqtt.payload_start(unit)
        if start < len(unit):
            self._count(flow)
            unit = flip_a_bit(unit, start, flow.chance)
        yield Send(unit)


class Nonsense(Fault):
    """The broker sends garbage."""

    name = "nonsense"
    explained = "random bytes in place of what the broker says, with this probability"
    layer = Layer.PACKETS
    usual = 0.5

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        if flow.way is Way.DOWN and flow.chance.random() < (self.amount or 0):
            self._count(flow)
            unit = flow.chance.randbytes(flow.chance.randrange(1, 500))
        yield Send(unit)


class Takeover(Fault):
    """Another client uses the clock's name; the proxy does it (rival.py), so packets pass unchanged."""

    name = "takeover"
    explained = "a second client with the clock's id and certificate connects, again every so many seconds"
    layer = Layer.PACKETS
    usual = 2

    def treat(self, unit: bytes, flow: Flow) -> Iterator[Step]:
        yield Send(unit)


FAULTS: Final[dict[str, type[Fault]]] = {
    fault.name: fault
    for fault in (
        Refuse,
        SwallowEverything,
        Drop,
        HangAfterAccept,
        Slow,
        ResetAfter,
        Corrupt,
        Split,
        HangAfterTls,
        HangAfterConnect,
        HangAfterSubscribe,
        Lose,
        Duplicate,
        Reorder,
        Replay,
        Forge,
        Nonsense,
        Takeover,
    )
}


def parse(words: str) -> tuple[Fault, ...]:
    """The faults that a text names: `slow=500 split`, separated by spaces or commas; `none` is no fault.

    Raises SettingsError for an unknown name or an invalid amount.
    """
    found = []
    for word in words.replace(",", " ").split():
        name, _, amount = word.partition("=")
        if name == NONE:
            continue
        kind = FAULTS.get(name)
        if kind is None:
            raise _refused(f"there is no fault {name!r}")
        if not amount:
            found.append(kind())
            continue
        try:
            number = float(amount)
        except ValueError:
            raise _refused(f"{amount!r} is no amount") from None
        if kind.usual is None or not 0 < number < float("inf"):
            raise _refused(f"{name} takes {'no amount' if kind.usual is None else 'an amount above 0'}")
        found.append(kind(number))
    return tuple(found)


def flip_a_bit(unit: bytes, start: int, chance: random.Random) -> bytes:
    """The unit with one bit flipped, at or after `start`."""
    at = chance.randrange(start, len(unit))
    changed = bytearray(unit)
    changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _refused(what: str) -> SettingsError:
    return SettingsError(what=what, kept="the faults as they were", do="choose from `badgeclock chaos --list`")
