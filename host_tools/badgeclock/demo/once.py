"""Runs the demo once, without a page: every badge of the cast is tapped, and each punch is followed to its end."""

import json
import time
from collections.abc import Callable

from badgeclock.demo.cast import BADGES
from badgeclock.demo.stack import Stack
from badgeclock.demo.way import Tap, Way, follow

END_TIMEOUT_S = 20.0
HOLD_MS = 300
WATCH_S = 0.02


def run_once(stack: Stack, report: Callable[[Way], None], photograph: Callable[[], None] = lambda: None) -> bool:
    """Taps the badges one after another; each result is reported when it is final, or after END_TIMEOUT_S.

    `photograph` is called whenever the display shows something worth a picture. Returns whether every expected result
    was seen, on the display and in the store.
    """
    taps: list[Tap] = []
    complete = True
    photograph()
    for badge in BADGES:
        result = stack.control.tap(badge.uid, HOLD_MS)
        taps.append(Tap(badge, result.t_field))
        if badge is BADGES[0]:
            stack.control.wait_text("#", timeout=END_TIMEOUT_S)
            photograph()
        way = _wait_for_end(stack, taps)
        if badge.end not in {tapped.badge.end for tapped in taps[:-1]}:
            photograph()
        report(way)
        complete = complete and way.ended
    return complete


def json_line(way: Way) -> str:
    """One line of `--json`."""
    return json.dumps(way.as_json(), ensure_ascii=False)


def _wait_for_end(stack: Stack, taps: list[Tap]) -> Way:
    deadline = time.monotonic() + END_TIMEOUT_S
    while True:
        way = follow(taps, stack.control.events(), stack.punches())[-1]
        if way.ended or time.monotonic() > deadline:
            return way
        time.sleep(WATCH_S)
