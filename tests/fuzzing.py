"""How long the fuzzers run, and how they mutate valid input: by a seed that a failing run prints."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema

QUICK_S: Final = 2.0
"""In `make test`."""
LONG_S: Final = float(os.environ.get("BADGECLOCK_FUZZ_S", "600"))
"""If selected by name; `make torture` has BADGECLOCK_FUZZ_S=3600, an hour."""
CASES_A_ROUND: Final = 10
_WORDS: Final = (
    b"\0", b"\xff", b"<", b">", b"&#0;", b"&x;", b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"]]>", b'"', b"'", b";", b"\t",
    b"\r\n", b"1e308", b"-1", b"99999999999999999999", b"NaN", b"null", b"{", b"[[[[", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b'r="XFE1048577"', b't="s"', b"<v>", b"<is>", b"=1+1",
)  # fmt: skip


def rounds(seconds: float, seed: int) -> Iterator[random.Random]:
    """A generator for each round, seeded by `seed` and the round's number, until the time is over."""
    ends, number = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        yield random.Random(f"{seed}/{number}")
        number += 1


def seed() -> int:
    """BADGECLOCK_FUZZ_SEED, else another one each time."""
    return int(os.environ.get("BADGECLOCK_FUZZ_SEED") or time.time_ns())


def changed(data: bytes, chance: random.Random, most: int = 8) -> bytes:
    """The same bytes with some changes: bits flipped, pieces cut out, doubled, moved, or words put in."""
    made = bytearray(data)
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(made) + 1)
        until = min(len(made), at + chance.choice((1, 2, 8, 64)))
        kind = chance.randrange(5)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del made[at:until]
        elif kind == 2:
            made[at:at] = made[at:until] * chance.choice((1, 2, 50))
        elif kind == 3:
            made[at:until] = chance.choice(_WORDS)
        else:
            made[at:at] = chance.choice(_WORDS)
    return bytes(made)


def ask_everything(described: BaseSchema, seconds: float, ask: Callable[[Case], None]) -> None:
    """Send requests to all of an interface until the time is over, valid and invalid by its description."""
    begun = seed()
    print(f"BADGECLOCK_FUZZ_SEED={begun}")
    operations = [operation.ok() for operation in described.get_all_operations()]
    for chance in rounds(seconds, begun):
        for operation, mode in itertools.product(operations, GenerationMode):
            always = hypothesis.settings(
                max_examples=CASES_A_ROUND,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            with contextlib.suppress(Unsatisfiable):  # it has no input that could be wrong
                hypothesis.seed(chance.getrandbits(64))(
                    always(hypothesis.given(case=operation.as_strategy(generation_mode=mode))(_asking(ask)))
                )()


def _asking(ask: Callable[[Case], None]) -> Callable[[Case], None]:
    """A new function each time, since Hypothesis writes on it, with the argument's name."""

    def asked(case: Case) -> None:
        ask(case)

    return asked
