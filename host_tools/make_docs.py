"""Builds the site of the documents: `python host_tools/make_docs.py ZENSICAL`, from the checkout's root; `make docs`.

The pages stay at their place in the repository, and link to each other there: docs/, README.md, the boards' pages. So
the site is built from a copy of them with the same paths. Strict: a broken link fails.

Mermaid draws the diagrams in the reader's browser. The site has its own copy, so that it loads nothing from elsewhere:
npm fetches it once, and its SHA-256 is checked here.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
SOURCE = BUILD / "docs-source"
PAGES = ("*.md", "LICENSE", "docs/**/*", "boards/*/README.md", "changelog.d/README.md", "tests/releases/README.md")
MERMAID = "11.17.2"
MERMAID_SHA256 = "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8"


def stage() -> None:
    """Copy the pages, with Mermaid, to SOURCE."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for pattern in PAGES:
        for path in ROOT.glob(pattern):
            if path.is_file():
                target = SOURCE / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    (SOURCE / "docs" / "mermaid.min.js").write_bytes(mermaid())


def mermaid() -> bytes:
    """Mermaid's program for browsers. Exits with a sentence if it cannot be fetched."""
    kept = BUILD / "docs-mermaid" / f"mermaid-{MERMAID}.tgz"
    if not kept.is_file():
        if shutil.which("npm") is None:
            sys.exit("docs: npm is missing, which fetches Mermaid. To do: install npm, and run `make docs` again.")
        kept.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "pack", "--silent", f"mermaid@{MERMAID}"], cwd=kept.parent, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode != 0:
            sys.exit("docs: npm could not fetch Mermaid; its words are above. To do: check the network, and run again.")
    with tarfile.open(kept) as archive:
        member = archive.extractfile("package/dist/mermaid.min.js")
        assert member is not None
        data = member.read()
    digest = hashlib.sha256(data).hexdigest()
    if digest != MERMAID_SHA256:
        kept.unlink()
        sys.exit(f"docs: Mermaid {MERMAID} has the SHA-256 {digest}, and not the pinned one. To do: look into why.")
    return data


def main() -> int:
    """The exit code of the site's builder."""
    stage()
    return subprocess.run([sys.argv[1], "build", "--strict", "--clean"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
