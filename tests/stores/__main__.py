"""`python -m tests.stores` writes the store of this version's form; for a change of form, once, before its release."""

import asyncio
import tempfile
from pathlib import Path

from tests.stores.written import file_name, revisions, write


def main() -> None:
    """Write the file; refuses to replace one, for a store that a release wrote is never changed."""
    path = Path(__file__).with_name(file_name(revisions()[-1]))
    if path.exists():
        raise SystemExit(f"{path.name} is there already, and a store that was written is never changed")
    with tempfile.TemporaryDirectory() as folder:
        path.write_text(asyncio.run(write(Path(folder))))
    print(f"{path.name} is written")


if __name__ == "__main__":
    main()
