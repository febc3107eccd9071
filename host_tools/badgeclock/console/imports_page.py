"""Imports of the office's lists: a file is uploaded, tried (nothing changes, each bad row is listed), and then
imported.

A list that is done soon is answered at once; for a longer one the page of its token says how far it is.
"""

from __future__ import annotations

import asyncio
import hmac
from concurrent import futures
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.people.imports import COLUMNS, PORTION_ROWS, Kind
from badgeclock.bridge.people.spreadsheets import FILE_BYTES_MOST, ROWS_MOST
from badgeclock.console.errors import BridgeSilent, ConsoleError
from badgeclock.console.guard import UPLOAD
from badgeclock.console.import_jobs import Job, Stage
from badgeclock.console.sealed_file import SealedFile
from badgeclock.console.site import Console, elsewhere
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

SOON_S: Final = 3.0
"""Longest that a request waits for a list."""
_NAME_CHARACTERS: Final = 120
_FORMULA: Final = "=+-@"
_CANNOT: Final = 422
_REFUSED: Final = 409
_SILENT: Final = 503


class _Sealing(MultiPartParser):
    """Writes an uploaded file to disk, encrypted; the guard bounds its size."""

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        file = self._current_part.file
        if file is not None:
            file.file.close()
            file.file = SealedFile()  # type: ignore[assignment]  # has what the parser calls
            self._files_to_close_on_error[-1] = file.file  # type: ignore[call-overload]


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get(UPLOAD)
    async def import_page(request: Request) -> Response:
        who = await console.admitted(request, Right.OFFICE)
        return who if isinstance(who, Response) else _page(console, request, who)

    @app.post(UPLOAD)
    async def upload(request: Request) -> Response:
        who = await console.admitted(request, Right.OFFICE)
        if isinstance(who, Response):
            return who
        try:
            form = await _form(request)
            if not hmac.compare_digest(str(form.get("token", "")).encode(), who.form_token.encode()):
                await form.close()
                return _page(console, request, who, _REFUSED)
            job = _job(form, who)
            word = console.import_jobs.begin(job)
        except (SheetError, ConsoleError) as error:
            return _page(console, request, who, _CANNOT, error=error)
        return await _soon(console, request, who, job, word)

    @app.get(UPLOAD + "/{word}")
    async def job_page(request: Request, word: str) -> Response:
        who = await console.admitted(request, Right.OFFICE)
        if isinstance(who, Response):
            return who
        job = console.import_jobs.find(word, who.account.id)
        if job is None:
            return _page(console, request, who, 404, error=_gone())
        return _page(console, request, who, _status(job), job=job, word=word)

    @app.get(UPLOAD + "/{word}/faults.csv")
    async def faults(request: Request, word: str) -> Response:
        who = await console.admitted(request, Right.OFFICE)
        if isinstance(who, Response):
            return who
        job = console.import_jobs.find(word, who.account.id)
        if job is None or job.is_busy:
            return _page(console, request, who, 404, error=_gone())
        content = await asyncio.to_thread(job.faults_csv)
        headers = {"content-disposition": 'attachment; filename="faults.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


async def carry_out(console: Console, request: Request, who: Visitor, fields: dict[str, str]) -> Response:
    """Import the tried list. Raises NotForThisRole."""
    console.check_right(who, Right.OFFICE)
    word = fields.get("upload", "")
    job = console.import_jobs.find(word, who.account.id)
    if job is None or not job.can_import:
        return _page(console, request, who, _REFUSED, error=_gone())
    console.import_jobs.import_it(job, who.secret)
    try:
        return await _soon(console, request, who, job, word)
    finally:
        console.looks.forget()


async def _soon(console: Console, request: Request, who: Visitor, job: Job, word: str) -> Response:
    """The result, or the page that waits for it."""
    await asyncio.to_thread(futures.wait, [job.work], SOON_S)
    if job.is_busy:
        return elsewhere(request, f"{UPLOAD}/{word}")
    return _page(console, request, who, _status(job), job=job, word=word)


def _status(job: Job) -> int:
    if job.is_busy:
        return 200
    if isinstance(job.error, BridgeSilent):
        return _SILENT
    if job.error is not None and job.stage is not Stage.TRYING:
        return _REFUSED
    return _CANNOT if job.error is not None or (job.report is not None and job.report["bad"]) else 200


def _gone() -> ConsoleError:
    return ConsoleError(
        what="the file is no longer here", kept="what was imported of it, if anything", do="send it again, and try it"
    )


async def _form(request: Request) -> FormData:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise SheetError("no file was sent", "choose one, and send it")
    try:
        return await _Sealing(request.headers, request.stream(), max_files=1, max_fields=8).parse()
    except (MultiPartException, KeyError, ValueError):
        raise SheetError("what was sent cannot be read", "choose one file, and send it again") from None


def _job(form: FormData, who: Visitor) -> Job:
    file, kind, site = form.get("file"), str(form.get("kind", "")), str(form.get("site", ""))
    if not isinstance(file, UploadFile) or not file.filename:
        raise SheetError("no file was sent", "choose one, and send it")
    content = file.file
    assert isinstance(content, SealedFile)
    if not who.account.reach.is_everything:
        content.close()
        raise ConsoleError(
            what=f"the account {who.account.name!r} reaches some sites or employers alone, and this is about all",
            kept="everything as it was",
            do="ask somebody whose account reaches everything",
        )
    if kind and kind not in set(Kind):
        content.close()
        raise SheetError("there is no such kind of list", "choose one of those that are offered")
    # The name is in the file of bad rows, where no spreadsheet may take it for a formula.
    name = "".join(letter for letter in file.filename if letter.isprintable()).lstrip(_FORMULA)[:_NAME_CHARACTERS]
    return Job(who.account.id, name or "file", content, Kind(kind) if kind else None, site or None)


def _page(
    console: Console,
    request: Request,
    who: Visitor,
    status: int = 200,
    *,
    error: BadgeclockError | None = None,
    job: Job | None = None,
    word: str = "",
) -> Response:
    is_busy = job is not None and job.is_busy  # it may end while the page is built
    return console.page(
        request,
        "imports.html",
        who,
        status,
        error=error or (job.error if job is not None else None),
        job=job,
        is_busy=is_busy,
        report=None if job is None or is_busy else job.report,
        is_done=job is not None and job.stage is Stage.IMPORTED,
        is_import=job is not None and job.stage in (Stage.IMPORTING, Stage.IMPORTED),
        word=word,
        upload=UPLOAD,
        kinds=list(Kind),
        columns=COLUMNS,
        rows_most=ROWS_MOST,
        megabytes_most=FILE_BYTES_MOST // 2**20,
        portion_rows=PORTION_ROWS,
        may=who.account.reach.is_everything,
    )
