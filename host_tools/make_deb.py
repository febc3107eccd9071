"""Builds the Debian package of the bridge: `python host_tools/make_deb.py FOLDER SUITE`; `make deb SUITE=trixie`.

The package has its own Python environment in /usr/lib/badgeclock, on Debian's Python: the wheel, and the packages of
the extra `console`, in the versions and by the hashes of requirements.lock. Debian has other versions of several of
them, and the bridge is tested with these. Only wheels are used; nothing is compiled. The same commit gives the same
bytes: files have the date of the commit, no owner of this machine, and no path of it.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

import make_manuals
import make_sbom
import make_wheel
from badgeclock import __version__
from badgeclock.installation import units as unit_texts

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGING: Final = ROOT / "deb"
NAME: Final = "badgeclock-bridge"
PYTHON: Final = {"bookworm": (3, 11), "trixie": (3, 13)}
"""The Python of each Debian release that a package is made for."""
GLIBC: Final = 36
"""Of bookworm, the older of the two: 2.36. Wheels that need a newer one are not taken."""
HOME: Final = "usr/lib/badgeclock"
PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC, 16, -1)),
    *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"),
)


def build(folder: Path, suite: str) -> Path:
    """The package for a Debian release, written into `folder`. Raises CalledProcessError with pip's or dpkg's
    output."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-deb-") as work:
        tree = Path(work) / "tree"
        _environment(tree, PYTHON[suite], make_wheel.build(Path(work)))
        _install(tree)
        _control(tree, PYTHON[suite], suite)
        _normalise(tree)
        folder.mkdir(parents=True, exist_ok=True)
        package = folder / f"{NAME}_{__version__}_{suite}_amd64.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zzstd", "--build", tree, package],
            env={**os.environ, "SOURCE_DATE_EPOCH": make_wheel.date()},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return package


def _environment(tree: Path, python: tuple[int, int], wheel: Path) -> None:
    version = ".".join(map(str, python))
    home = tree / HOME
    site = home / "lib" / f"python{version}" / "site-packages"
    site.mkdir(parents=True)
    lines = make_sbom.locked(make_sbom.closure(Requirement("badgeclock[console]"), version))
    requirements = tree.parent / "requirements.txt"
    requirements.write_text("\n".join(lines) + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps", "--no-compile"]
    target = ["--target", str(site), "--upgrade", "--only-binary", ":all:", "--implementation", "cp"]
    target += ["--python-version", version, *(word for tag in PLATFORMS for word in ("--platform", tag))]
    subprocess.run([*pip, *target, "--require-hashes", "-r", str(requirements)], check=True)
    subprocess.run([*pip, *target, "--no-index", str(wheel)], check=True)
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in site.glob("*.dist-info/RECORD"):  # it contains pip's source path, and removed scripts
        kept = [line for line in record.read_text().splitlines() if not line.startswith(("../", "bin/"))]
        record.write_text("\n".join(sorted(line for line in kept if "direct_url.json" not in line)) + "\n")
    for trace in site.glob("*.dist-info/direct_url.json"):
        trace.unlink()
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(f"/usr/bin/python{version}")
    (home / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {version}\n")
    command = home / "bin" / "badgeclock"
    command.write_text(
        f"#!/{HOME}/bin/python -I\nimport sys\n\nfrom badgeclock.cli.main import main\n\nsys.exit(main())\n"
    )
    command.chmod(0o755)


def _install(tree: Path) -> None:
    documents = tree / "usr" / "share" / "doc" / NAME
    units = tree / "usr" / "lib" / "systemd" / "system"
    for folder in (documents, units, tree / "usr" / "bin", tree / "etc" / "badgeclock"):
        folder.mkdir(parents=True)
    (tree / "usr" / "bin" / "badgeclock").symlink_to("../lib/badgeclock/bin/badgeclock")
    (units / unit_texts.BRIDGE).write_text(unit_texts.bridge(unit_texts.PACKAGE))
    (units / unit_texts.CONSOLE).write_text(unit_texts.console(unit_texts.PACKAGE))
    for name in ("README", "bridge.toml.example", "copyright"):
        shutil.copy(PACKAGING / name, documents)
    for name in ("badgeclock.rules.yml", "dashboard.json"):
        shutil.copy(ROOT / "monitoring" / name, documents)
    manuals = tree / "usr" / "share" / "man" / "man1"
    manuals.mkdir(parents=True)
    for name, text in make_manuals.pages().items():
        (manuals / f"{name}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    for place, text in (
        ("bash-completion/completions/badgeclock", make_manuals.bash()),
        ("fish/vendor_completions.d/badgeclock.fish", make_manuals.fish()),
    ):
        script = tree / "usr" / "share" / place
        script.parent.mkdir(parents=True)
        script.write_text(text)


def _control(tree: Path, python: tuple[int, int], suite: str) -> None:
    debian = tree / "DEBIAN"
    debian.mkdir()
    size_kb = sum(path.lstat().st_size for path in tree.rglob("*") if not path.is_dir()) // 1024
    (debian / "control").write_text(
        f"Package: {NAME}\n"
        f"Version: {__version__}+{suite}\n"
        "Architecture: amd64\n"
        "Maintainer: Badgeclock maintainers <maintainers@badgeclock.invalid>\n"
        f"Installed-Size: {size_kb}\n"
        f"Depends: python3 (>= {python[0]}.{python[1]}), python3 (<< {python[0]}.{python[1] + 1}), adduser\n"
        "Recommends: mosquitto (>= 2)\n"
        "Suggests: postgresql (>= 15)\n"
        "Section: net\n"
        "Priority: optional\n"
        "Description: bridge between badge clocks and Belgian social security\n"
        " Takes punches from badge clocks over MQTT, registers presences with the NSSO and\n"
        " brings each reception number back to the clock's display.\n"
    )
    for name in ("postinst", "prerm"):
        shutil.copy(PACKAGING / name, debian)
        (debian / name).chmod(0o755)


def _normalise(tree: Path) -> None:
    date = int(make_wheel.date())
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (date, date), follow_symlinks=False)


if __name__ == "__main__":
    print(build(Path(sys.argv[1]), sys.argv[2]))
