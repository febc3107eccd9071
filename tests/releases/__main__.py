"""`python -m tests.releases [REVISION]` keeps a release: the commit that was released, HEAD if none is named."""

import sys

from tests.releases.kept import keep


def main() -> None:
    """Write the folder of the revision's version, and say what it is."""
    if len(sys.argv) > 2:
        raise SystemExit("usage: python -m tests.releases [REVISION]")
    path = keep(*sys.argv[1:])
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
