"""Source archives from the Python index that pip is configured for, each checked against its pinned sha256."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from badgeclock.errors import ToolMissing
from badgeclock.toolchain.manifest import Got
from badgeclock.toolchain.pins import Archive
from badgeclock.toolchain.places import MAKE_COMPLETE, ROOT

NETWORK_TIMEOUT_S = 60


def get_archives(name: str, archives: Sequence[Archive], folder: Path) -> list[Got]:
    """Put the pinned files of `archives` below `folder/name`. Raises ToolMissing."""
    got = []
    for archive in archives:
        data = _download_archive(archive)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for path, place in archive.files.items():
                target = folder / name / place
                target.parent.mkdir(parents=True, exist_ok=True)
                member = tar.extractfile(f"{archive.project}-{archive.version}/{path}")
                assert member is not None, "the archive is pinned by hash and has the file"
                target.write_bytes(member.read())
        got.append(Got(archive.project, archive.version, archive.sha256, "the Python package index"))
    return got


def _download_archive(archive: Archive) -> bytes:
    """The archive's bytes from pip's configured index, checked against its sha256. Raises ToolMissing.

    pip itself cannot download these: they have no setup.py, and pip insists on building their metadata.
    """
    filename = f"{archive.project}-{archive.version}.tar.gz"
    page_name = re.sub(r"[-_.]+", "-", archive.project).lower()
    tried: list[str] = []
    for index in _pip_indexes():
        page_url = f"{index.rstrip('/')}/{page_name}/"
        try:
            page = _read_url(page_url).decode()
            links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page)]
            link = next((link for link in links if urllib.parse.urlparse(link).path.endswith("/" + filename)), None)
            if link is None:
                tried.append(f"{_without_credentials(page_url)} does not list {filename}")
                continue
            data = _read_url(urllib.parse.urljoin(page_url, link))
        except (OSError, ValueError) as error:
            tried.append(f"{_without_credentials(page_url)}: {error}")
            continue
        if hashlib.sha256(data).hexdigest() == archive.sha256:
            return data
        tried.append(f"{_without_credentials(page_url)} gave a {filename} with another sha256 than the pinned one")
    raise ToolMissing(
        what=f"{archive.project} {archive.version} could not be fetched from pip's index; tried "
        + ("; ".join(tried) or "nothing, as there is no pip to name an index"),
        kept="everything else of the set-up",
        do=f"check the network and `pip config list`, then {MAKE_COMPLETE}",
    )


def _pip_indexes() -> list[str]:
    """The package indexes pip would use here, the main one first: configuration, environment, or pip's default."""
    settings = _pip_settings()
    main = settings.get("index-url") or settings.get("default", "")
    return [url for url in [main, *settings.get("extra-index-url", "").split()] if url]


@cache
def _pip_settings() -> dict[str, str]:
    """`index-url`, `extra-index-url`, `cert` as pip has them, and its `default` index. Empty if there is no pip."""
    script = (
        "import json\n"
        "from pip._internal.configuration import Configuration\n"
        "from pip._internal.models.index import PyPI\n"
        "c = Configuration(isolated=False); c.load()\n"
        "found = {'default': PyPI.simple_url}\n"
        "for part in ('global', 'install', 'download', ':env:'):\n"
        "    for key, value in c.items():\n"
        "        values = value.items() if isinstance(value, dict) else [(key, value)]\n"
        "        for key, value in values:\n"
        "            if key.startswith(part + '.'): found[key[len(part) + 1:]] = value\n"
        "print(json.dumps(found))\n"
    )
    for python in (sys.executable, str(ROOT / ".venv" / "bin" / "python"), shutil.which("python3")):
        if python is None:
            continue
        try:
            run = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            continue
        settings: dict[str, str] = json.loads(run.stdout)
        return settings
    return {}


def _read_url(url: str) -> bytes:
    """GET with the proxies of the environment, pip's certificate file, and the URL's own credentials.

    Raises OSError if it cannot be fetched, ValueError if it is not a web address.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"no web address: {parts.scheme}:")
    request = urllib.request.Request(_without_credentials(url), headers={"User-Agent": "badgeclock-setup"})  # noqa: S310 - checked above
    if parts.username is not None:
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    cert = _pip_settings().get("cert")
    context = ssl.create_default_context(cafile=cert if cert and Path(cert).is_file() else None)
    with urllib.request.urlopen(request, timeout=NETWORK_TIMEOUT_S, context=context) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


def _without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
