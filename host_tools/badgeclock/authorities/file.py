"""A file instead of an authority, for trials: shows what would be declared, in what form and when.

Every well-formed item of either kind is accepted, and gets a number counted from 1. **Such a number proves nothing.**
The file has one JSON object per line, appended and synced before a call returns, and is the whole state, for this
process or another; an incomplete last line after a power cut is removed.

The file contains national numbers in the clear, as a declaration does. Only its owner may read it (mode 600), and it is
meant for invented people.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from badgeclock.authorities import failures, forms
from badgeclock.authorities.base import (
    Address,
    Cancellation,
    Cancelled,
    CancelOutcome,
    CancelRefused,
    Coordinates,
    Direction,
    Found,
    Item,
    MovementItem,
    Outcome,
    PresenceItem,
    Registered,
    SearchCriteria,
    Status,
    Validation,
)
from badgeclock.authorities.errors import AuthorityUnavailable
from badgeclock.authorities.failures import Call
from badgeclock.authorities.file_settings import Settings
from badgeclock.authorities.onss import requests
from badgeclock.errors import SettingsError

BATCH_LIMIT: Final = 200
CANCEL_REASONS: Final = ("HOLIDAY", "DISEASE", "PLANNING", "C32A")

_REGISTER: Final = Call("register", changes=True)
_CANCEL: Final = Call("cancel", changes=True)
_SEARCH: Final = Call("search", changes=False)
_GET: Final = Call("get", changes=False)

_T = TypeVar("_T")


def connect(settings: Settings) -> FileExport:
    """The export that the settings describe. Raises SettingsError."""
    return FileExport(settings.path)


class FileExport:
    """Declarations into the file at `path`. Raises SettingsError if it cannot be used, or has other content."""

    declares: Final = frozenset[type[Item]]({PresenceItem, MovementItem})
    batch_limit: Final = BATCH_LIMIT
    cancel_reasons: Final = CANCEL_REASONS

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._read_bytes = 0
        self._held: dict[int, Found] = {}
        try:
            path.touch(mode=0o600)
            with self._locked():
                pass
        except OSError as error:
            raise SettingsError(
                what=f"{path} cannot be written ({error.strerror or type(error).__name__})",
                kept="the file is as it was",
                do="give another path in [authority]",
            ) from None
        except (ValueError, KeyError, TypeError):
            raise SettingsError(
                what=f"{path} holds something else than an export of this bridge",
                kept="the file is as it was",
                do="give another path in [authority], or move that file away",
            ) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Nothing is kept open."""

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        """Append the items, each with its number; see `Authority.register`."""
        forms.check_items(_REGISTER, self.declares, self.batch_limit, items)
        return await self._do(_REGISTER, lambda descriptor: self._register(descriptor, items))

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        """Append the cancellations; see `Authority.cancel`."""
        forms.check_cancellations(_CANCEL, self.cancel_reasons, self.batch_limit, items)
        return await self._do(_CANCEL, lambda descriptor: self._cancel(descriptor, items))

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        """The entries that match the criteria; see `Authority.search`."""
        if wrong := requests.search_misfits(criteria):
            raise failures.misfit(_SEARCH, f"wrong criteria: {', '.join(wrong)}")
        return await self._do(_SEARCH, lambda _: [found for found in self._held.values() if _meets(found, criteria)])

    async def get(self, reception_number: int) -> Found | None:
        """The entry with a number; see `Authority.get`."""
        forms.check_reception_number(_GET, reception_number)
        return await self._do(_GET, lambda _: self._held.get(reception_number))

    async def _do(self, call: Call, work: Callable[[int], _T]) -> _T:
        """Work on the file, locked against other processes; in a thread, since a sync waits for the disk."""

        def locked() -> _T:
            with self._locked() as descriptor:
                return work(descriptor)

        try:
            return await asyncio.to_thread(locked)
        except (OSError, ValueError, KeyError, TypeError) as error:
            what = f"{call.name}: the export file cannot be used ({type(error).__name__})"
            if call.changes and isinstance(error, OSError):
                raise failures.lost(call, what) from None  # earlier entries may still be in it
            raise AuthorityUnavailable(
                what=what, kept=failures.UNTOUCHED, do="look at the file, its folder and the disk", retry=False
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, open and locked, after everything in it has been read."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._catch_up(descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> None:
        """Read new entries; remove an incomplete last line."""
        status = os.fstat(descriptor)
        if status.st_ino != self._file or status.st_size < self._read_bytes:  # another file took its place
            self._file, self._read_bytes = status.st_ino, 0
            self._held.clear()
        data = bytearray()
        while chunk := os.pread(descriptor, 1 << 20, self._read_bytes + len(data)):
            data += chunk
        whole = data.rfind(b"\n") + 1
        for line in data[:whole].splitlines():
            self._apply(json.loads(line))
        self._read_bytes += whole
        if whole < len(data):
            os.ftruncate(descriptor, self._read_bytes)

    def _append(self, descriptor: int, entries: Sequence[dict[str, Any]]) -> None:
        lines = b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)
        written = 0
        while written < len(lines):
            written += os.pwrite(descriptor, lines[written:], self._read_bytes + written)
        os.fsync(descriptor)
        self._read_bytes += len(lines)
        for entry in entries:
            self._apply(entry)

    def _register(self, descriptor: int, items: Sequence[Item]) -> list[Outcome]:
        created = datetime.now(UTC)
        first = max(self._held, default=0) + 1
        entries = [_entry(first + place, created, item) for place, item in enumerate(items)]
        self._append(descriptor, entries)
        return [
            Registered(
                reference=item.reference,
                reception_number=first + place,
                created=created,
                status=Status.REGISTERED,
                inss=item.inss,
            )
            for place, item in enumerate(items)
        ]

    def _cancel(self, descriptor: int, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        at = datetime.now(UTC).isoformat()
        outcomes: list[CancelOutcome] = []
        entries = []
        for item in items:
            number = item.reception_number
            held = self._held.get(number)
            if held is None:
                outcomes.append(_not_cancelled(number, "7", "unknown number"))
            elif held.status is Status.CANCELLED:
                outcomes.append(_not_cancelled(number, "8", "already cancelled"))
            else:
                entries.append({"cancel": number, "at": at, "reason": item.reason})
                outcomes.append(Cancelled(reception_number=number))
        self._append(descriptor, entries)
        return outcomes

    def _apply(self, entry: dict[str, Any]) -> None:
        if "cancel" in entry:
            held = self._held[entry["cancel"]]
            step = Validation(status=Status.CANCELLED, at=datetime.fromisoformat(entry["at"]))
            self._held[held.reception_number] = _after(held, step)
        else:
            found = _found(entry)
            self._held[found.reception_number] = found


def _entry(number: int, created: datetime, item: Item) -> dict[str, Any]:
    members = {name: value for name, value in asdict(item).items() if value is not None}
    if isinstance(item, MovementItem):
        members |= {"moment": item.moment.isoformat(), "direction": str(item.direction)}
        return {"number": number, "created": created.isoformat(), "movement": members}
    return {"number": number, "created": created.isoformat(), "presence": members | {"date": item.date.isoformat()}}


def _item(members: dict[str, Any]) -> Item:
    if "presence" in members:
        fields = dict(members["presence"])
        return PresenceItem(**(fields | {"date": date.fromisoformat(fields["date"])}))
    fields = dict(members["movement"])
    if "coordinates" in fields:
        fields["coordinates"] = Coordinates(**fields["coordinates"])
    if "address" in fields:
        fields["address"] = Address(**fields["address"])
    moment, direction = datetime.fromisoformat(fields["moment"]), Direction(fields["direction"])
    return MovementItem(**(fields | {"moment": moment, "direction": direction}))


def _found(entry: dict[str, Any]) -> Found:
    item = _item(entry)
    created = datetime.fromisoformat(entry["created"])
    steps = tuple(Validation(status=status, at=created) for status in (Status.REGISTERED, Status.VALIDATED))
    movement = item if isinstance(item, MovementItem) else None
    return Found(
        reception_number=entry["number"],
        reference=item.reference,
        date=item.date,
        workplace_id=item.workplace_id,
        created=created,
        last=steps[-1],
        history=steps,
        inss=item.inss,
        inss_now=item.inss,
        company_id=item.company_id,
        limosa_id=item.limosa_id,
        vat=None if movement is None else movement.vat,
        moment=None if movement is None else movement.moment,
        direction=None if movement is None else movement.direction,
    )


def _after(found: Found, step: Validation) -> Found:
    return replace(found, last=step, history=(*found.history, step))


def _not_cancelled(number: int, code: str, description: str) -> CancelRefused:
    return CancelRefused(reception_number=number, codes=(code,), descriptions=(description,))


def _meets(found: Found, criteria: SearchCriteria) -> bool:
    pairs = (
        (criteria.inss, found.inss),
        (criteria.company_id, found.company_id),
        (criteria.workplace_id, found.workplace_id),
    )
    return (
        all(wanted is None or wanted == held for wanted, held in pairs)
        and any(found.date is not None and first <= found.date <= last for first, last in criteria.periods)
        and (not criteria.statuses or found.status in criteria.statuses)
        and (not criteria.remarks or bool(set(criteria.remarks) & set(found.remarks)))
        and (criteria.created_from is None or criteria.created_from <= found.created)
        and (criteria.created_to is None or found.created <= criteria.created_to)
    )
