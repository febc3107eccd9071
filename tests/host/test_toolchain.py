"""The toolchain: its programs run, its wrappers can be moved and killed, missing pieces are reported in one
sentence."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from badgeclock.errors import BadgeclockError, ToolMissing
from badgeclock.toolchain import apt_sources, debian, fetch, places, programs, python_index

ARCHES: tuple[programs.Arch, ...] = ("amd64", "i386")


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


@pytest.mark.parametrize(("arch", "largest"), [("amd64", 2**63 - 1), ("i386", 2**31 - 1)])
def test_micropython_has_the_word_size_of_its_architecture(arch: programs.Arch, largest: int) -> None:
    assert int(output_of(programs.micropython(arch), "-c", "import sys; print(sys.maxsize)")) == largest


@pytest.mark.parametrize("arch", ARCHES)
def test_micropython_has_what_the_firmware_is_built_on(arch: programs.Arch) -> None:
    modules = "asyncio, cryptolib, framebuf, hashlib, tls, vfs"
    assert output_of(programs.micropython(arch), "-c", f"import {modules}; print(vfs.VfsLfs2.__name__)") == "VfsLfs2"


def test_micropython_takes_a_heap_size() -> None:
    free = output_of(programs.micropython("i386"), "-X", "heapsize=128k", "-c", "import gc; print(gc.mem_free())")
    assert 100_000 < int(free) < 128 * 1024


def test_micropython_runs_what_mpy_cross_compiled(tmp_path: Path) -> None:
    (tmp_path / "punch.py").write_text("print('compiled')\n")
    subprocess.run([*programs.mpy_cross(), tmp_path / "punch.py"], check=True)
    (tmp_path / "punch.py").unlink()
    command = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import punch"
    assert output_of(programs.micropython("i386"), "-c", command) == "compiled"


def test_umqtt_and_urequests_can_be_imported() -> None:
    command = f"import sys; sys.path.insert(0, {str(programs.umqtt_dir())!r}); import umqtt.simple, urequests; print(1)"
    assert output_of(programs.micropython("i386"), "-c", command) == "1"


def test_mosquitto_is_version_2() -> None:
    run = subprocess.run([programs.mosquitto(), "-h"], capture_output=True, text=True, timeout=30, check=False)
    assert run.stdout.startswith("mosquitto version 2.")


def test_postgresql_and_its_initdb_are_of_one_version_from_15_on() -> None:
    server, initdb = programs.postgresql()
    versions = {output_of(program, "--version").split(" ", 1)[1] for program in (server, initdb)}
    (version,) = versions
    assert int(version.removeprefix("(PostgreSQL) ").partition(".")[0]) >= 15


def test_chromium_draws_a_page_with_its_own_fonts(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p id=word>bridge</p>")
    command = (programs.chromium(), "--no-sandbox", "--disable-gpu", "--dump-dom", (tmp_path / "page.html").as_uri())
    assert '<p id="word">bridge</p>' in output_of(*command)


def test_a_wrapper_works_from_a_link_and_after_a_move(tmp_path: Path) -> None:
    moved = tmp_path / "moved with spaces"
    moved.mkdir()
    (moved / "bin").mkdir()
    wrapper = shutil.copy(programs.micropython("i386"), moved / "bin")
    (moved / "debian").symlink_to(places.toolchain_dir() / "debian")
    (tmp_path / "link").symlink_to(wrapper)
    for path in (wrapper, tmp_path / "link"):
        assert output_of(path, "-c", "print(6 * 7)") == "42"


def test_a_signal_to_the_wrapper_ends_the_program_itself() -> None:
    process = subprocess.Popen(
        [programs.micropython("amd64"), "-c", "print(1)\nimport time\ntime.sleep(3600)"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"1\n"
        process.send_signal(signal.SIGKILL)
        assert process.stdout.read() == b"", "the pipe closes only when no process holds it"
        assert process.wait() == -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_complete_toolchain_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **settings: object) -> None:
        pytest.fail(f"started {arguments} {settings}")

    monkeypatch.setattr(subprocess, "run", refuse)
    said: list[str] = []
    assert fetch.fetch(said.append) == []
    assert said == []


def test_a_missing_program_is_reported_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BADGECLOCK_TOOLCHAIN", str(tmp_path))
    with pytest.raises(ToolMissing) as caught:
        programs.micropython("i386")
    assert str(tmp_path / "bin" / "micropython-i386") in str(caught.value)
    assert "make setup" in caught.value.do
    assert isinstance(caught.value, BadgeclockError)


def test_without_archives_each_piece_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BADGECLOCK_TOOLCHAIN", str(tmp_path))
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(debian, "debian_sources", lambda _etc: [])
    monkeypatch.setattr(python_index, "_pip_indexes", list)
    said: list[str] = []
    failures = fetch.fetch(said.append)
    assert said == []
    assert [failure.what.split()[0] for failure in failures][-2:] == ["micropython-umqtt.simple", "mfrc522"]
    assert all("no Debian archive" in failure.what and "/etc/apt" in failure.do for failure in failures[:-2])


def test_the_machines_own_debian_archives_are_found_in_both_notations(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(
        "# comment\nTypes: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n\n"
        "Types: deb\nURIs: http://mirror.example/security\nSuites: bookworm-security\nComponents: main\n\n"
        "Types: deb\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\nEnabled: no\n"
    )
    (tmp_path / "sources.list").write_text(
        "deb [arch=amd64 signed-by=/keys/a.gpg] https://other.example/debian trixie main contrib # the second\n"
        "deb-src https://source.example/debian trixie main\n"
        "deb https://vendor.example/apt vendor-bookworm main\n"
    )
    assert apt_sources.debian_sources(tmp_path) == [
        {
            "URIs": "http://mirror.example/debian",
            "Signed-By": "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc",
        },
        {"URIs": "https://other.example/debian", "Signed-By": "/keys/a.gpg"},
    ]
