"""What every page needs: the store to read, the door to the bridge, the visitor, and the templates."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlsplit

from jinja2 import Environment
from jinja2.environment import TemplateModule
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from badgeclock.bridge.accounts import passwords
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.presences.today import Kept
from badgeclock.bridge.settings import ConsoleSettings
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.console import languages, visitor, words
from badgeclock.console.attempts import Attempts
from badgeclock.console.door import Door
from badgeclock.console.errors import NotForThisRole
from badgeclock.console.import_jobs import ImportJobs
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

LOOK_HOLDS_S: Final = 1.0
LOOKS_MOST: Final = 64
CHECKS: Final = 2
"""Concurrent password checks: each takes 64 MiB and a core."""
_T = TypeVar("_T")
_SEE_OTHER: Final = 303
_TOKEN: Final = "token"  # noqa: S105 - the name of a field
MANY: Final = "items"
"""The field of a form about several things at once: one value for each."""
BETWEEN: Final = "\t"
"""Separates several values of one field in one text; no name contains it."""
FIELDS_MOST: Final = 500
_NEVER_KEPT: Final = frozenset({_TOKEN, "password", "new_password", "again", "code", "secret", "number"})


class Looks:
    """Shares data read for one page with all pages that need the same within a second: two hundred open pages that are
    notified of one change cost one read of the store.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._found: OrderedDict[Hashable, tuple[float, object]] = OrderedDict()
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._forgotten = 0

    async def look(self, key: Hashable, look: Callable[[], Awaitable[_T]]) -> _T:
        """The result of `look`, or the one less than a second old for the same key; the key must cover all that the
        result depends on."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                since_s, found = self._found.get(key, (-math.inf, None))
                if self._clock_s() - since_s >= LOOK_HOLDS_S:
                    since_s, forgotten = self._clock_s(), self._forgotten
                    found = await look()
                    if forgotten == self._forgotten:  # else it may be of before what made the others forgotten
                        self._found[key] = (since_s, found)
        finally:
            self._trim()
        return cast("_T", found)

    def _trim(self) -> None:
        """Keep few entries, and no lock without its entry: at worst two threads read at once."""
        while len(self._found) > LOOKS_MOST:
            self._found.popitem(last=False)
        self._locks = {key: lock for key, lock in self._locks.items() if key in self._found or lock.locked()}

    def forget(self) -> None:
        """Forget all: an act was done here, and the next read must see it."""
        self._forgotten += 1
        self._found.clear()


@dataclass(frozen=True)
class Console:
    """The parts that the pages share."""

    store: Store
    vault: Vault
    door: Door
    settings: ConsoleSettings
    now_ms: Callable[[], int]
    attempts: Attempts
    templates: Mapping[str, Environment]
    """By language."""
    import_jobs: ImportJobs
    looks: Looks = field(default_factory=Looks)
    kept: Kept = field(default_factory=Kept)
    _checks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CHECKS))

    async def visitor(self, request: Request) -> Visitor | None:
        """The signed-in visitor, by the cookie; records now and then that the session is in use."""
        secret = visitor.secret_of(request)
        if not secret:
            return None
        now_ms = self.now_ms()
        found = await self.store.reading(visitor.find, secret, now_ms)
        if found is not None and found.session.is_page_unnoted(now_ms):
            with contextlib.suppress(BadgeclockError):  # the session ends a little earlier
                await self.door.ask(Asked.NOTE_PAGE, secret)
        return found

    async def admitted(self, request: Request, right: Right = Right.SEE) -> Visitor | Response:
        """The visitor of a page that needs a right; one who is not signed in, or still has a first password, is
        redirected. Raises NotForThisRole.
        """
        found = await self.visitor(request)
        if found is None:
            return to_sign_in(request)
        if found.account.must_change:
            return elsewhere(request, "/account")
        self.check_right(found, right)
        return found

    def check_right(self, who: Visitor, right: Right) -> None:
        """Raise NotForThisRole unless somebody's role has a right."""
        if not who.may(right):
            raise NotForThisRole(
                what=f"this page is not for the role {who.account.role}",
                kept="everything as it was",
                do="ask an administrator, or sign in as somebody who may",
            )

    async def is_password(self, kept: str | None, password: str) -> bool:
        """Whether the password matches a hash; None: there is no such account."""
        async with self._checks:
            return await asyncio.to_thread(passwords.is_right, kept, password)

    def page(
        self, request: Request, template: str, who: Visitor | None, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page out of a template, for a visitor."""
        language = languages.of(request)
        text = (
            self.templates[language]
            .get_template(template)
            .render(
                request=request,
                here=here_of(request) if request.method == "GET" else "/",
                who=who,
                Right=Right,
                now_ms=self.now_ms(),
                done=words.done_text(request.query_params.get("done", "")),
                language=language,
                locale=languages.locale_of(language),
                **context,
            )
        )
        return HTMLResponse(text, status)

    async def live_page(
        self,
        request: Request,
        who: Visitor,
        template: str,
        here: str,
        look: Callable[[], Awaitable[Mapping[str, Any]]],
    ) -> HTMLResponse:
        """A page that follows what happens. Its piece, the template's `_piece`, is built once within a second for all
        whose language, rights, reach and names are the same: of a person it knows nothing else. `here` is the address
        of the page, `look` gives what both templates show.
        """
        language, may = languages.of(request), frozenset(right for right in Right if who.may(right))

        async def build() -> tuple[Mapping[str, Any], TemplateModule]:
            found = await look()
            return found, await asyncio.to_thread(self._piece, template, language, here, may, found)

        key = template, here, language, may, who.session.shows_names, who.account.reach
        found, piece = await self.looks.look(key, build)
        if request.headers.get("hx-request") == "true":
            return HTMLResponse(str(piece))
        return self.page(request, template, who, piece=piece, may=may, **found)

    def _piece(
        self, template: str, language: str, here: str, may: frozenset[Right], found: Mapping[str, Any]
    ) -> TemplateModule:
        known = {"here": here, "may": may, "Right": Right, "now_ms": self.now_ms(), "language": language}
        piece = self.templates[language].get_template(template.replace(".html", "_piece.html"))
        return piece.make_module({**known, "locale": languages.locale_of(language), **found})

    def problem(self, request: Request, who: Visitor | None, error: BadgeclockError, status: int) -> HTMLResponse:
        """A page with what happened, what was kept and what to do."""
        return self.page(request, "problem.html", who, status, error=error)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form; the last value of a repeated name, all values of MANY, no files."""
    form = await request.form(max_files=0, max_fields=FIELDS_MOST)
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    if MANY in fields:
        fields[MANY] = BETWEEN.join(value for value in form.getlist(MANY) if isinstance(value, str))
    return fields


def to_sign_in(request: Request) -> Response:
    """The redirect for a visitor who is not signed in; a request by htmx is redirected as a whole page."""
    return elsewhere(request, f"/sign-in?to={quote(here_of(request), safe='')}")


def here_of(request: Request) -> str:
    """The requested page, with its query."""
    return local(request.url.path + (f"?{request.url.query}" if request.url.query else ""))


def elsewhere(request: Request, path: str) -> Response:
    """A redirect to another page of the console."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"hx-redirect": path})
    return RedirectResponse(path, _SEE_OTHER)


def local(path: str) -> str:
    """The address if it is a page of this console, else the first page."""
    parts = urlsplit(path)
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and path.isprintable()
    return path if is_own and "\\" not in path else "/"


def kept_of(fields: dict[str, str]) -> dict[str, str]:
    """The fields of a form that are shown and sent again after signing in: never a secret."""
    return {name: value for name, value in fields.items() if name not in _NEVER_KEPT}
