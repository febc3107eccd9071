"""A release's MicroPython image for the board: described and signed by the release's author, fetched and checked here.

A release has three files in one place. `badgeclock-esp32.bin` is built by `make firmware`; `badgeclock-esp32.json` has
the image's size and SHA-256 and the version of these tools that it is for; `badgeclock-esp32.json.sig` is the Ed25519
signature (64 bytes) over the bytes of the JSON file. The checkout has the address and the public key in
`boards/esp32_devkit/release.json`, so the checkout decides what is trusted.

    fetch      the image of this version, from the address or from an earlier fetch; checked each time
    describe   the JSON file and the signature of an image

    python -m badgeclock.technician.release key --address ADDRESS --private FILE    once; writes release.json
    python -m badgeclock.technician.release sign IMAGE --private FILE               at each release, beside IMAGE
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from badgeclock import __version__
from badgeclock.errors import ProvisionError, SettingsError, VerifyMismatch
from badgeclock.toolchain.places import ROOT

IMAGE: Final = "badgeclock-esp32.bin"
DESCRIPTION: Final = "badgeclock-esp32.json"
SIGNATURE: Final = "badgeclock-esp32.json.sig"
SOURCE: Final = ROOT / "boards" / "esp32_devkit" / "release.json"
DESCRIPTION_VERSION: Final = 1
DOWNLOAD_TIMEOUT_S: Final = 60.0
_VERSION: Final = "{version}"
_FILES: Final = (IMAGE, DESCRIPTION, SIGNATURE)
_OTHERWISE: Final = (
    "build the image with `make firmware` and give it with --image build/badgeclock-esp32.bin; to try a clock out with "
    "badges by their UID, add --official"
)


@dataclass(frozen=True)
class Source:
    """The address of releases, with {version} in it, and the key that signs them."""

    address: str
    key: Ed25519PublicKey

    def of(self, release: str) -> str:
        """The address of the folder of a release, which ends with a slash."""
        return self.address.replace(_VERSION, release).rstrip("/") + "/"


def source(path: Path = SOURCE) -> Source:
    """The checkout's release source. Raises SettingsError if it has none, or an invalid one."""
    try:
        fields = json.loads(path.read_text())
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(fields["public_key"]))
        return Source(str(fields["address"]), key)
    except FileNotFoundError as error:
        raise SettingsError(
            what=f"this version names no release of the board's image ({path.name} is not there)",
            kept="everything on the chip",
            do=_OTHERWISE,
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            what=f"{path} does not say where releases lie and which key signs them",
            kept="everything on the chip",
            do="install badgeclock again, or take the file of the release",
        ) from error


def fetch(folder: Path, where: Source, release: str | None = None, say: Callable[[str], None] = lambda _: None) -> Path:
    """The image of `release` (these tools' own version if None) in `folder`, downloaded unless present.

    Signature, version, size and SHA-256 are checked each time, also for present files. Raises ProvisionError if it
    cannot be fetched, VerifyMismatch if it is not the signed one.
    """
    wanted = release or __version__
    there = folder / wanted
    contents = {name: path.read_bytes() for name in _FILES if (path := there / name).is_file()}
    if len(contents) < len(_FILES):
        contents = _download(where.of(wanted), say)
    check(contents, where.key, wanted)
    there.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (there / name).write_bytes(data)
    return there / IMAGE


def check(contents: dict[str, bytes], key: Ed25519PublicKey, release: str) -> None:
    """Raise VerifyMismatch unless the three files by name belong together, are signed by `key` and are of `release`."""
    try:
        key.verify(contents[SIGNATURE], contents[DESCRIPTION])
    except InvalidSignature as error:
        raise _refused("its description is not signed by the key that this version trusts") from error
    fields = json.loads(contents[DESCRIPTION])
    if fields["v"] != DESCRIPTION_VERSION or fields["version"] != release:
        raise _refused(f"it is the image of version {fields['version']}, not of {release}")
    image = contents[IMAGE]
    if len(image) != fields["bytes"] or hashlib.sha256(image).hexdigest() != fields["sha256"]:
        raise _refused("the image has another SHA-256 than its signed description says")


def describe(image: bytes, key: Ed25519PrivateKey, release: str) -> tuple[bytes, bytes]:
    """Description and signature of an image."""
    fields = {
        "v": DESCRIPTION_VERSION,
        "version": release,
        "bytes": len(image),
        "sha256": hashlib.sha256(image).hexdigest(),
    }
    description = json.dumps(fields).encode() + b"\n"
    return description, key.sign(description)


def _download(address: str, say: Callable[[str], None]) -> dict[str, bytes]:
    contents = {}
    try:
        with httpx.Client(follow_redirects=True, timeout=DOWNLOAD_TIMEOUT_S) as client:
            for name in reversed(_FILES):  # the large one last
                say(f"downloading {address}{name}")
                answer = client.get(address + name)
                answer.raise_for_status()
                contents[name] = answer.content
    except (httpx.HTTPError, httpx.InvalidURL, OverflowError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ProvisionError(
            what=f"the release's image cannot be fetched from {address} ({why.rstrip('.')})",
            kept="everything on the chip",
            do=f"check the network; or {_OTHERWISE}",
        ) from error
    return contents


def _refused(why: str) -> VerifyMismatch:
    return VerifyMismatch(
        what=f"the release's image is refused: {why}",
        kept="everything on the chip, and nothing of the download",
        do=f"run the command again; if it stays, report it, and {_OTHERWISE}",
    )


def _private_key(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            what=f"{path} holds no Ed25519 key", kept="everything as it was", do="give the file that `key` made"
        )
    return key


def make_key(private: Path, address: str, public: Path = SOURCE) -> None:
    """Make a release key: `private` is for the release's author, `public` for the checkout. An old one is kept."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with private.open("xb") as file:
        private.chmod(0o600)
        file.write(pem)
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    public.write_text(json.dumps({"address": address, "public_key": raw.hex()}, indent=2) + "\n")


def sign(image: Path, private: Path) -> None:
    """Write description and signature beside `image`, for these tools' version."""
    description, signature = describe(image.read_bytes(), _private_key(private), __version__)
    (image.parent / DESCRIPTION).write_bytes(description)
    (image.parent / SIGNATURE).write_bytes(signature)


def main() -> None:
    """The entry point for the release workflow."""
    parser = argparse.ArgumentParser(description="The signed description of a release's image.")
    commands = parser.add_subparsers(dest="command", required=True)
    key = commands.add_parser("key", help="make a release key and name its public half in the checkout")
    key.add_argument("--address", required=True, help=f"where releases lie, with {_VERSION} in it")
    signing = commands.add_parser("sign", help="describe and sign an image")
    signing.add_argument("image", type=Path)
    for command in (key, signing):
        command.add_argument("--private", type=Path, required=True, help="the private key's file")
    given = parser.parse_args()
    if given.command == "key":
        make_key(given.private, given.address)
    else:
        sign(given.image, given.private)


if __name__ == "__main__":
    main()
