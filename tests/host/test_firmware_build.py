"""The build's changes to the firmware before mpy-cross: numbers for constants, short names; and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from badgeclock.errors import ProvisionError
from badgeclock.technician import firmware, on_device
from badgeclock.technician.inline_constants import inline
from badgeclock.technician.interpreter_names import EVERYWHERE
from badgeclock.technician.short_names import shorten
from badgeclock.toolchain import programs

PLAYER = "class Player:\n    def __init__(self, rest):\n        self._rest = rest\n        self._due = 0\n"
BUZZER = (
    "from drivers.pattern import Player\n\n\nclass Buzzer(Player):\n"
    "    def __init__(self, pwm):\n        super().__init__(0)\n        self._pwm = pwm\n"
)


def private(text: str) -> set[str]:
    """The private names that a source gives its objects."""
    return {word.split("self.")[1].split()[0] for word in text.splitlines() if "self." in word}


def test_own_names_and_parameters_get_names_of_the_interpreter_and_lines_stay() -> None:
    source = "def _twice(number):\n    return 2 * number\n\n\ndef four():\n    return _twice(2)\n"
    (made,) = shorten({"app/a.py": source}).values()
    names = set(re.findall(r"\w+", made)) - {"def", "return", "2"}
    assert len(names) == 3
    assert names <= EVERYWHERE
    assert made.count("\n") == source.count("\n")
    assert re.sub("|".join(names), "name", made) == re.sub(r"_twice|number|four", "name", source)


def test_a_public_name_has_one_of_its_own_in_every_file() -> None:
    made = shorten(
        {
            "app/tank.py": "class Tank:\n    def drain_all(self):\n        self.level_mm = 0\n",
            "app/pump.py": "def run_pump(tank):\n    tank.drain_all()\n    return tank.level_mm\n",
        }
    )
    for name in ("Tank", "drain_all", "level_mm", "run_pump"):
        assert not any(name in text for text in made.values())
    method = re.search(r"def (\w+)\(self", made["app/tank.py"])
    level = re.search(r"self\.(\w+) = 0", made["app/tank.py"])
    assert method
    assert level
    assert f".{method[1]}()" in made["app/pump.py"]
    assert made["app/pump.py"].rstrip().endswith(f".{level[1]}")


def test_a_public_name_never_becomes_a_private_one_however_many_there_are() -> None:
    """A module's `_X = const(1)` is no name for other modules."""
    source = "from micropython import const\n" + "".join(f"PUBLIC_{n:04} = const({n})\n" for n in range(3000))
    (made,) = shorten({"app/a.py": source}).values()
    assert made != source
    assert not [line for line in made.splitlines() if line.startswith("_")]


def test_what_somebody_else_names_keeps_its_name() -> None:
    source = (
        "from norcells import Chip\n\n\nclass OddError(Exception):\n    pass\n\n\nclass Pump:\n"
        "    def begin(self):\n        return getattr(self, 'in_text')\n\n"
        "    def in_text(self):\n        return Chip\n\n"
        "    def append(self):\n        return OddError\n\n"
        "    def by_keyword(self):\n        self.speed = dict(speed=1)\n"
    )
    (made,) = shorten({"app/pump.py": source}, "Pump().begin()  # by_keyword").values()
    for name in ("OddError", "Pump", "begin", "in_text", "Chip", "append", "speed"):
        assert re.search(rf"\b{name}\b", made), name
    assert "by_keyword" not in made, "a comment names nothing"


def test_names_of_the_interpreter_cost_no_memory() -> None:
    """On the unix port; the list says on which images of an ESP32 it was tried."""
    script = (
        "import micropython, sys\nclass A: pass\na = A()\nnames = sys.stdin.read().split()\n"
        "setattr(a, 'zz9', 0)\nmicropython.qstr_info()\n"
        "for name in names:\n    setattr(a, name, 0)\n    delattr(a, name)\nmicropython.qstr_info()\n"
    )
    command = [programs.micropython("i386"), "-X", "heapsize=1m", "-c", script]
    names = "\n".join(sorted(EVERYWHERE))
    run = subprocess.run(command, input=names, capture_output=True, text=True, check=True)
    before, after = re.findall(r"n_qstr=(\d+)", run.stdout)
    assert before == after


def test_two_files_share_private_names_but_not_where_one_inherits_from_the_other() -> None:
    alone = {"drivers/pattern.py": PLAYER, "app/other.py": PLAYER.replace("Player", "Other").replace("_rest", "_mine")}
    short = shorten(alone)
    assert private(short["drivers/pattern.py"]) == private(short["app/other.py"])
    joined = shorten({"drivers/pattern.py": PLAYER, "drivers/buzzer.py": BUZZER})
    assert not private(joined["drivers/pattern.py"]) & private(joined["drivers/buzzer.py"])


def test_a_parameter_that_a_call_names_keeps_its_name() -> None:
    source = "def say(text, loud):\n    print(text, loud)\n\n\nsay('a', loud=True)\n"
    assert "loud):\n    print(" in shorten({"app/a.py": source})["app/a.py"]


def test_a_parameter_that_an_inner_function_uses_keeps_its_name() -> None:
    source = "def outer(number):\n    return lambda other: number + other\n"
    assert re.fullmatch(
        r"def \w+\(number\):\n    return lambda (\w+): number \+ \1\n", shorten({"app/a.py": source})["app/a.py"]
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("class A:\n    def __init__(self):\n        self._x = 1\n\n\nprint(getattr(A(), '_x'))\n", "is in a text"),
        ("import time\n\ntime._offset = 1\n", "is a private name of time"),
        ("def f(a):\n    return a._hidden\n", "belongs to no file"),
    ],
)
def test_a_private_name_that_reaches_beyond_the_firmware_is_refused(source: str, why: str) -> None:
    with pytest.raises(ProvisionError, match=why):
        shorten({"app/a.py": source})


def test_constants_become_numbers_wherever_they_are_used() -> None:
    made = inline(
        {
            "app/record.py": "from micropython import const\n\nKIND = const(1 << 2)\nNEXT = const(KIND + 1)\n",
            "app/clock.py": "from app import record\n\nprint(record.KIND)\n",
            "app/log.py": "from app.record import (\n    KIND,\n    NEXT,\n)\n\nprint(KIND + NEXT)\n",
        }
    )
    assert made["app/record.py"] == ("pass\n\n_KIND = const(1 << 2)\n_NEXT = const(_KIND + 1)\n")
    assert made["app/clock.py"] == "pass\n\nprint(4)\n"
    assert made["app/log.py"] == "pass\n\n\n\n\nprint(4 + 5)\n"


def test_a_constant_that_others_name_or_that_gets_another_value_stays() -> None:
    record = "from micropython import const\n\nKIND = const(4)\n"
    clock = "from app import record\n\nprint(record.KIND)\n"
    told = {"app/record.py": record, "app/clock.py": clock}
    kept = {**told, "app/record.py": "pass\n\nKIND = const(4)\n"}
    assert inline(told, "app.record.KIND") == kept
    told = {"app/record.py": record, "app/clock.py": clock + "record.KIND = 5\n"}
    assert inline(told) == {**told, "app/record.py": kept["app/record.py"]}


def test_the_build_keeps_what_the_technicians_tool_calls() -> None:
    built = firmware.build()
    texts = [text for name, text in vars(on_device).items() if name.isupper()]
    called = re.findall(r"technician\.(\w+)\(", "".join(texts))
    assert len(called) >= 10
    for name in called:
        assert name.encode() in built.files["/technician.mpy"]
    assert [path for path in built.files if path.startswith("/app/")] == ["/app/__init__.mpy"], "no other name is kept"


def test_a_files_own_bytes_texts_and_tuples_become_constants_and_leave_no_name(tmp_path: Path) -> None:
    source = (
        "from micropython import const\n\n"
        "SIZE = const(4)\n"
        "_MAGIC = b'BCT1'\n"
        "_BLANK = b'\\xff' * SIZE\n"
        "_PAIR = (1, 'two')\n"
        "_turns = 0\n"
        "_SEEN = 'never'\n"
        "ZEROS = bytes(SIZE)\n"
        "BEATS = (ZEROS, (1, SIZE) * 2, (0,) * 3)\n\n\n"
        "def turn():\n"
        "    global _SEEN\n"
        "    _SEEN = 'now'\n"
        "    return _MAGIC, _BLANK, _PAIR, _SEEN, BEATS\n"
    )
    (made,) = inline({"app/tank.py": source}).values()
    assert made.count("\n") == source.count("\n")
    assert r"_BLANK = const(b'\xff\xff\xff\xff')" in made
    assert r"ZEROS = b'\x00\x00\x00\x00'" in made
    assert "BEATS = (ZEROS, (1, 4, 1, 4), (0, 0, 0))" in made
    assert "_SEEN = 'never'" in made, "it is given another value"
    (tmp_path / "tank.mpy").write_bytes(firmware.compiled("app.tank", made))
    script = "import tank\nprint(tank.turn(), [name for name in dir(tank) if name[1:2].isupper()])"
    run = subprocess.run(
        [programs.micropython("i386"), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = str(eval(run.stdout.partition(" [")[0])) + run.stdout.partition(" [")[2]  # noqa: S307 - of our own making
    assert (
        told
        == str((b"BCT1", b"\xff" * 4, (1, "two"), "now", (bytes(4), (1, 4) * 2, (0,) * 3)))
        + "'_SEEN', 'ZEROS', 'BEATS']\n"
    ), run.stderr


def test_a_constant_that_is_used_above_its_place_keeps_its_name() -> None:
    source = "def blank():\n    return _BLANK\n\n\n_BLANK = b'\\xff' * 4\n"
    (made,) = inline({"app/tank.py": source}).values()
    assert r"_BLANK = b'\xff\xff\xff\xff'" in made, "mpy-cross would leave the use without a name"


def test_a_changed_docstring_or_comment_changes_nothing_in_the_built_firmware(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever words are in it, the interpreter's names and a constant's among them. The entry points stay source, so
    their own bytes change.
    """
    words = sorted({*EVERYWHERE, "BREAK", "app.log.record"})
    before = firmware.build()
    for folder in ("firmware", "boards"):
        shutil.copytree(firmware.ROOT / folder, tmp_path / folder)
    for source in (tmp_path / "firmware").rglob("*.py"):
        text = source.read_text()
        assert text.startswith('"""'), source
        remark = '"""' + "".join(f"{word}\n" for word in words)
        source.write_text(text.replace('"""', remark, 1) + "".join(f"# {word}\n" for word in words))
    monkeypatch.setattr(firmware, "ROOT", tmp_path)
    after = firmware.build()
    assert set(after.files) == set(before.files)
    changed = {path for path in before.files if before.files[path] != after.files[path]}
    assert changed == {"/boot.py", "/main.py", firmware.MANIFEST_PATH}
