"""Opens and reads the sources on one clock: its flash, dumps of its messages, the bridge's store, anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from badgeclock.errors import EvidenceError
from badgeclock.evidence import dump, image, verifier
from badgeclock.evidence.dump import Anchor
from badgeclock.evidence.image import Partitions
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.open_file import open_file
from badgeclock.evidence.verifier import Evidence
from badgeclock.protocol.record import TAG_BYTES

_SEQ_MAX: Final = 0xFFFF_FFFF


@dataclass(frozen=True)
class Inputs:
    """What to read: a dump of the whole flash, or its partitions; dumps of messages; a store's URL or bridge.toml."""

    flash: Path | None = None
    journal: Path | None = None
    seal: Path | None = None
    dumps: Sequence[Path] = ()
    store: str | None = None
    anchors: Sequence[Anchor] = ()


def read(keys: ClockKeys, given: Inputs) -> Evidence:
    """Read all given sources. Raises EvidenceError for one that cannot be read at all, StoreError and SettingsError."""
    evidence = Evidence(anchors=list(given.anchors))
    parts = _partitions(given)
    if parts is not None:
        verifier.add_flash(evidence, parts)
        verifier.check_copies(evidence, keys, parts)
    for path in given.dumps:
        read = dump.read(open_file(path), keys, str(path), evidence.findings)
        evidence.sources.append(read.runs)
        evidence.anchors += read.anchors
    if given.store is not None:
        # Only a store needs the bridge's packages: flash and messages are judged without them.
        from badgeclock.bridge.store.database import Store  # noqa: PLC0415
        from badgeclock.evidence import store_source  # noqa: PLC0415

        store = Store(_url(given.store))
        try:
            kept = store_source.read(store, keys, evidence.findings)
        finally:
            store.close()
        evidence.sources.append(kept.runs)
        evidence.anchors += kept.anchors
    return evidence


def parse_anchor(text: str) -> Anchor:
    """An anchor in text form: `SEQ:TAG`, a record's number and its tag in 32 hex digits.

    Raises EvidenceError.
    """
    number, _, tag = text.partition(":")
    try:
        seq, raw = int(number), bytes.fromhex(tag)
    except ValueError:
        seq, raw = -1, b""
    if not 0 <= seq <= _SEQ_MAX or len(raw) != TAG_BYTES or not number.isascii():
        raise EvidenceError(
            what=f"{text[:60]!r} is no anchor",
            kept="nothing was judged",
            do="write a record's number, a colon and its tag in 32 hexadecimal digits",
        )
    return Anchor(seq + 1, raw, f"anchor {seq}")


def _partitions(given: Inputs) -> Partitions | None:
    if given.flash is not None:
        return image.partitions_of(open_file(given.flash))
    if given.journal is None:
        return None
    return Partitions(open_file(given.journal), open_file(given.seal) if given.seal is not None else None)


def _url(text: str) -> str:
    """The URL of a store, given directly or in the bridge's settings."""
    from badgeclock.bridge import places, store_url  # noqa: PLC0415

    url = places.find(Path(text)).url if text.endswith(".toml") else text
    file = url.removeprefix(store_url.SQLITE)
    if file != url and not Path(file).is_file():
        # Opening it would create an empty one, and a verifier writes nothing.
        raise EvidenceError(
            what=f"there is no store {file}",
            kept="nothing was judged, and nothing was made",
            do="name the bridge's database or its bridge.toml",
        )
    return url
