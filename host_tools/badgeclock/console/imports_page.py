"""Imports of the office's lists: a file is uploaded, tried (nothing changes, each bad row is listed), and then
imported.

The file is read here, in the console, with the functions of the command line; the bridge gets its rows, and checks each
by the rules of the single commands. Its size is bounded: larger files need `badgeclock bridge import`.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any, Final

from fastapi import FastAPI
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts.acts import IMPORT_ROWS_MOST, Asked
from badgeclock.bridge.errors import PeopleError, SheetError
from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import COLUMNS, Imported, Kind, Table
from badgeclock.console.errors import ActRefused, BridgeSilent, ConsoleError
from badgeclock.console.guard import UPLOAD, UPLOAD_BYTES_MOST
from badgeclock.console.site import Console
from badgeclock.console.uploads import Upload
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

_NAME_CHARACTERS: Final = 120
_READING = asyncio.Semaphore(1)
"""One file is read at a time: it takes a core, and up to some hundred megabytes."""


class _InMemory(MultiPartParser):
    """Keeps an uploaded file in memory (the guard bounds its size), so that no national number is written to disk."""

    spool_max_size = UPLOAD_BYTES_MOST


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get(UPLOAD)
    async def import_page(request: Request) -> Response:
        who = await console.admitted(request, Right.OFFICE)
        return who if isinstance(who, Response) else _page(console, request, who)

    @app.post(UPLOAD)
    async def rehearse(request: Request) -> Response:
        who = await console.admitted(request, Right.OFFICE)
        if isinstance(who, Response):
            return who
        try:
            form = await _form(request)
            if not hmac.compare_digest(str(form.get("token", "")).encode(), who.form_token.encode()):
                return _page(console, request, who, 409)
            upload = await _read(form, who)
            done = await console.door.ask(Asked.REHEARSE_IMPORT, who.secret, tables=upload.tables)
        except (SheetError, PeopleError, ConsoleError) as error:
            return _page(console, request, who, 503 if isinstance(error, BridgeSilent) else 422, error=error)
        word = "" if done["bad"] else console.uploads.keep(upload)
        return _page(console, request, who, 422 if done["bad"] else 200, upload=upload, report=done, word=word)


async def carry_out(console: Console, request: Request, who: Visitor, fields: dict[str, str]) -> Response:
    """Import the tried file. Raises NotForThisRole."""
    console.check_right(who, Right.OFFICE)
    word = fields.get("upload", "")
    upload = console.uploads.find(word, who.account.id)
    if upload is None:
        gone = ConsoleError(
            what="the file is here no more", kept="nothing of it was imported", do="send it again, and try it"
        )
        return _page(console, request, who, 409, error=gone)
    try:
        done = await console.door.ask(Asked.IMPORT, who.secret, tables=upload.tables)
    except (ActRefused, BridgeSilent) as error:
        return _page(console, request, who, 409 if isinstance(error, ActRefused) else 503, error=error)
    finally:
        console.looks.forget()
    console.uploads.forget(word)
    return _page(
        console, request, who, 422 if done["bad"] else 200, upload=upload, report=done, is_done=not done["bad"]
    )


async def _form(request: Request) -> FormData:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise SheetError("no file was sent", "choose one, and send it")
    try:
        return await _InMemory(request.headers, request.stream(), max_files=1, max_fields=8).parse()
    except (MultiPartException, KeyError, ValueError):
        raise SheetError("what was sent cannot be read", "choose one file, and send it again") from None


async def _read(form: FormData, who: Visitor) -> Upload:
    file, kind, site = form.get("file"), str(form.get("kind", "")), str(form.get("site", ""))
    if not isinstance(file, UploadFile) or not file.filename:
        raise SheetError("no file was sent", "choose one, and send it")
    if kind and kind not in set(Kind):
        raise SheetError("there is no such kind of list", "choose one of those that are offered")
    name = "".join(letter for letter in file.filename if letter.isprintable())[:_NAME_CHARACTERS]
    content = await file.read()
    chosen = Kind(kind) if kind else None
    async with _READING:
        found = await asyncio.to_thread(_tables, content, name or "file", chosen, site or None)
    if sum(len(table.sheet.rows) for table in found.tables) > IMPORT_ROWS_MOST:
        raise SheetError(
            f"the file has more than {IMPORT_ROWS_MOST} rows",
            "use `badgeclock bridge import`, or split it into several",
        )
    return Upload(who.account.id, name, [_as_fields(table) for table in found.tables], found.remarks)


def _tables(content: bytes, name: str, kind: Kind | None, site: str | None) -> Imported:
    return imports.read_file(content, name, kind, site=site)


def _as_fields(table: Table) -> dict[str, Any]:
    columns = table.sheet.columns
    rows = [[row.number, [row.cells[column] for column in columns], row.fault] for row in table.sheet.rows]
    return {
        "kind": table.kind.value,
        "place": table.place,
        "sha256": table.file_sha256,
        "columns": list(columns),
        "rows": rows,
    }


def _page(
    console: Console,
    request: Request,
    who: Visitor,
    status: int = 200,
    *,
    error: BadgeclockError | None = None,
    upload: Upload | None = None,
    report: dict[str, Any] | None = None,
    word: str = "",
    is_done: bool = False,
) -> Response:
    return console.page(
        request,
        "imports.html",
        who,
        status,
        error=error,
        upload=upload,
        report=report,
        word=word,
        is_done=is_done,
        kinds=list(Kind),
        columns=COLUMNS,
        rows_most=IMPORT_ROWS_MOST,
        megabytes_most=UPLOAD_BYTES_MOST // 2**20,
        may=who.account.reach.is_everything,
    )
