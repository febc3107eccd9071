"""Runs the test functions of one file inside MicroPython and prints the result of each.

    micropython run_one.py MODULE FUNCTION…

`sys.path` comes from BADGECLOCK_PATH, separated by colons. Lines that start with the record separator are the report,
one JSON object each; anything else is the test's own output. tests/firmware/conftest.py starts this and reads it.
"""

import builtins
import gc
import io
import json
import os
import sys
import time


class SkipTest(Exception):
    """Raised by a test that cannot run here; its text is the reason. A builtin for the tests, which need no import."""


def report(function, outcome, **details):
    details["test"] = function
    details["outcome"] = outcome
    print("\n\x1e" + json.dumps(details))


def traceback_of(error):
    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()


def run(module, function):
    """Call one test (a coroutine function gets its own event loop) and report it."""
    report(function, "started")
    gc.collect()
    start = time.ticks_ms()
    text = {}
    try:
        result = getattr(module, function)()
        if hasattr(result, "send"):
            import asyncio

            asyncio.new_event_loop()
            asyncio.run(result)
    except SkipTest as reason:
        outcome, text = "skipped", {"text": str(reason)}
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        outcome, text = "failed", {"text": traceback_of(error)}
    else:
        outcome = "passed"
    report(function, outcome, ms=time.ticks_diff(time.ticks_ms(), start), **text)


def main():
    sys.path[:] = os.getenv("BADGECLOCK_PATH").split(":") + [".frozen"]
    builtins.SkipTest = SkipTest
    module = __import__(sys.argv[1])
    for function in sys.argv[2:]:
        run(module, function)


main()
