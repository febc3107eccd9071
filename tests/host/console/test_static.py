"""What browsers load: other projects' files as their packages have them, and none that a page does not use."""

from __future__ import annotations

import hashlib
import re

from badgeclock.console.templating import FOLDER

STATIC = FOLDER / "static"


def test_files_of_other_projects_are_unchanged_and_bear_their_licence() -> None:
    said = (STATIC / "vendor" / "README.md").read_text()
    listed = dict(re.findall(r"^\| `(\S+)` .* `([0-9a-f]{64})` \|$", said, flags=re.MULTILINE))
    there = {path.name: path for path in (STATIC / "vendor").glob("*.js")}
    assert listed == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert "Zero-Clause BSD" in (STATIC / "vendor" / "LICENSE.htmx").read_text()
    assert "Apache License" in (STATIC / "vendor" / "LICENSE.zxing").read_text()


def test_pages_load_nothing_from_elsewhere_and_have_no_inline_script_or_style() -> None:
    for path in FOLDER.glob("templates/*.html"):
        page = path.read_text()
        assert not re.search(r"https?:|<style|style=|\son\w+=|javascript:|<script(?! src=\"/static/)", page), path.name
        assert "| safe" not in page or path.name == "account.html", path.name
    assert "http" not in (STATIC / "console.css").read_text()
    pages = {path.name: path.read_text() for path in FOLDER.glob("templates/*.html")}
    for path in (STATIC / "vendor").glob("*.js"):
        used = {name for name, page in pages.items() if f"vendor/{path.name}" in page}
        assert used == ({"register.html"} if path.name == "zxing.min.js" else {"base.html"}), path.name
