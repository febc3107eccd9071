"""`make torture REPLAY=…`: one case again, from a failure's line or a file of tests/regress."""

import json
import sys
from pathlib import Path

from tests.torture import replay


def main(case: str) -> int:
    text = Path(case).read_text() if case.endswith(".json") else case
    broken = replay(json.loads(text))
    print(broken or "every invariant holds")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
