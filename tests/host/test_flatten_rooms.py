"""The build's treatment of the rooms of the firmware's sources: one package, the same lines, nothing else changed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from badgeclock.errors import ProvisionError
from badgeclock.technician import firmware
from badgeclock.technician.flatten_rooms import flat_path, flatten
from badgeclock.toolchain.places import ROOT

HOUSE = {
    "app/__init__.py": '"""The application."""\n',
    "app/log/__init__.py": '"""The log."""\n',
    "app/log/record.py": "KIND = 1\n",
    "app/ui/__init__.py": "",
    "app/ui/face.py": "from app.log import record\n",
    "drivers/led.py": "from app.ui.face import Face\n",
}


def flat(text: str, path: str = "app/net/uplink.py") -> str:
    """The text of one more file of the house, flattened."""
    return flatten({**HOUSE, path: text})[flat_path(path)]


def test_modules_of_the_rooms_stand_side_by_side_and_the_rooms_are_gone() -> None:
    made = flatten(HOUSE)
    assert set(made) == {"app/__init__.py", "app/record.py", "app/face.py", "drivers/led.py"}
    assert made["app/record.py"] == HOUSE["app/log/record.py"]
    assert made["app/face.py"] == "from app import record\n"
    assert made["drivers/led.py"] == "from app.face import Face\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from app.log import record\n", "from app import record\n"),
        ("from app.log import record as kept, seal\n", "from app import record as kept, seal\n"),
        ("from app.log.record import (\n    KIND,\n)\n", "from app.record import (\n    KIND,\n)\n"),
        ("import app.log.record\nprint(app.log.record.KIND)\n", "import app.record\nprint(app.record.KIND)\n"),
        ("import app.log.record as record\n", "import app.record as record\n"),
        ("import app\nprint(hasattr(app.log, 'record'))\n", "import app\nprint(hasattr(app, 'record'))\n"),
        ("import app\napp.log.record = app.ui.face = None\n", "import app\napp.record = app.face = None\n"),
        ("load('app.log.record', \"app.ui.face\")\n", "load('app.record', \"app.face\")\n"),
        ('"""Of app.log.record."""\n', '"""Of app.log.record."""\n'),
        ("from app import punch\nfrom drivers import led\n", "from app import punch\nfrom drivers import led\n"),
        ("print('é', 'app.log.record')  # app.log\n", "print('é', 'app.record')  # app.log\n"),
        ("def f():\n    from app.log import record\n\n    return record\n", None),
    ],
)
def test_names_follow_and_lines_stay(before: str, after: str | None) -> None:
    assert flat(before) == (before.replace("app.log", "app") if after is None else after)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("from app import log\n", "imports the room log"),
        ("import app.log\n", "imports a room"),
        ("from . import record\n", "a relative import"),
        ("print('app.log')\n", "a text names a room"),
        ("print('app.log.nowhere')\n", "a text names a room"),
        ("print(f'{1} app.log.record')\n", "a text names a room"),
        ("def f(app):\n    return app.log\n", "app is a name for something else"),
        ("import app\nprint(app\n    .log.record)\n", "would change what app/net/uplink.py says"),
        ("print('app.'\n    'log.record')\n", "would change what app/net/uplink.py says"),
    ],
)
def test_what_would_name_something_else_without_rooms_is_refused(text: str, why: str) -> None:
    with pytest.raises(ProvisionError, match=why):
        flat(text)


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("app/ui/record.py", "", "app/log/record.py and app/ui/record.py would both be app/record.py on the clock"),
        ("app/record.py", "", "app/log/record.py and app/record.py would both be app/record.py on the clock"),
        ("app/log.py", "", r"app/log.py has the name of the room app/log/"),
        ("app/log/deep/seal.py", "", "is deeper than a room"),
        ("app/net/__init__.py", "KIND = 1\n", "holds code, which the clock would not have"),
    ],
)
def test_a_house_that_cannot_be_flattened_is_refused_with_what_to_do(path: str, text: str, why: str) -> None:
    with pytest.raises(ProvisionError, match=why) as refused:
        flatten({**HOUSE, path: text})
    assert "To do: " in str(refused.value)


def test_a_build_has_one_package_and_no_file_names_a_room() -> None:
    built = firmware.build()
    folders = {path.rsplit("/", 1)[0] for path in built.files}
    assert folders == {"", "/app", "/drivers", "/lib/umqtt"}
    for room in ("log", "net", "ui", "badge"):
        assert (ROOT / "firmware" / "app" / room).is_dir()
        assert not [path for path, data in built.files.items() if b"app." + room.encode() + b"." in data]


def test_an_image_freezes_what_a_build_flattens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []
    monkeypatch.chdir(ROOT / "firmware")  # as MicroPython's build tool does before it runs a manifest
    functions = {
        "require": lambda name: calls.append((name, "")),
        "package": lambda name, base_path: calls.append((name, base_path)),
    }
    (tmp_path / "frozen" / "app").mkdir(parents=True)
    (tmp_path / "frozen" / "app" / "gone.py").write_text("")
    runpy.run_path("manifest.py", init_globals={**functions, "FROZEN": str(tmp_path / "frozen")})
    assert [name for name, _ in calls] == ["umqtt.simple", "app", "drivers"]
    for name, folder in calls[1:]:
        assert folder == str(tmp_path / "frozen")
        assert not [path for path in (Path(folder) / name).iterdir() if path.is_dir()]
    assert not (tmp_path / "frozen" / "app" / "gone.py").exists()
    made = (tmp_path / "frozen" / "app" / "sealed_log.py").read_text()
    assert "from app.journal import" in made
