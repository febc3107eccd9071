"""The drawing of the rooms: it is up to date, and correct."""

from __future__ import annotations

from pathlib import PurePosixPath

from tests import rooms


def drawn(**modules: str) -> rooms.Drawing:
    """The packages of a made-up tree; a module is `package__name`."""
    tree = {f"badgeclock.{name.replace('__', '.')}": text for name, text in modules.items()}
    return rooms.drawn("Some", tree, "badgeclock")


def test_the_drawing_in_the_docs_is_that_of_the_code() -> None:
    assert rooms.PAGE.read_text() == rooms.page(rooms.drawings(rooms.of_checkout())), "run `make rooms`"


def test_an_arrow_is_an_import_of_another_room_wherever_it_stands() -> None:
    found = drawn(
        a__one="from badgeclock.b import two\n",
        a__two="def f():\n    import badgeclock.c.three\n",
        b__two="from badgeclock.b.two import f\nimport os\n",
        c__three="",
        errors="",
    )
    assert found.rooms == {
        "a": ["badgeclock.a.one", "badgeclock.a.two"],
        "b": ["badgeclock.b.two"],
        "c": ["badgeclock.c.three"],
        "errors": ["badgeclock.errors"],
    }
    assert found.arrows == {("a", "b"), ("a", "c")}
    assert not found.both_ways
    assert not found.circle


def test_rooms_that_import_each_other_and_circles_are_named() -> None:
    found = drawn(a__one="import badgeclock.b.two\n", b__two="import badgeclock.a.one\n")
    assert found.both_ways == [("a", "b")]
    assert "a and b" in rooms.page([found])
    round_about = drawn(a="import badgeclock.b\n", b="import badgeclock.c\n", c="import badgeclock.a\n")
    assert not round_about.both_ways
    assert set(round_about.circle) == {"a", "b", "c"}
    assert "one circle" in rooms.page([round_about])


def test_the_firmware_is_drawn_flat_or_in_rooms() -> None:
    flat = {
        "firmware/app/__init__.py": "",
        "firmware/app/uplink.py": "from app import link\n",
        "firmware/app/link.py": "",
    }
    folders = {
        "firmware/app/net/__init__.py": "",
        "firmware/app/net/uplink.py": "from app.log import seal\n",
        "firmware/app/log/seal.py": "",
        "firmware/main.py": "import app.net.uplink\n",
    }
    for tree, arrows in (
        (flat, {("app.uplink", "app.link")}),
        (folders, {("app.net", "app.log"), ("main", "app.net")}),
    ):
        *_, firmware = rooms.drawings({PurePosixPath(path): text for path, text in tree.items()})
        assert firmware.arrows == arrows
