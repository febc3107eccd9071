"""The NSSO's REST service Check In and Out at Work (presenceRegistration v1), as an `Authority`: cleaning and moving,
each IN and OUT with its time.

Field names and their sources are in `onss.rest_names`, messages in `onss.rest_messages`, tokens in `oauth`. As far as
is known, the service keeps no reference of ours: `attributed` matches registrations to items. A message's content never
reaches a log or an error text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from badgeclock.authorities import failures, forms
from badgeclock.authorities.base import Cancellation, CancelOutcome, Found, Item, MovementItem, Outcome, SearchCriteria
from badgeclock.authorities.errors import AnswerMalformed, AuthorityRejected, AuthorityUnavailable
from badgeclock.authorities.failures import Call
from badgeclock.authorities.oauth import ClientKey, Tokens
from badgeclock.authorities.onss import requests, rest_messages
from badgeclock.authorities.onss_rest_settings import Settings
from badgeclock.authorities.routes import Route
from badgeclock.authorities.transport import Answer, Transport, checked_url
from badgeclock.errors import AuthorityError
from badgeclock.onss import description
from badgeclock.onss import rest_names as n

CONTENT_REJECTED: Final = "REST-400"
"""The code of a call that the service itself, not something in front of it, rejected for its content."""
SEARCH_LIMIT: Final = 100_000  # presences in one search; beyond it the criteria are too wide

_REGISTER: Final = Call("registerInBulk", changes=True)
_CANCEL: Final = Call("cancelInBulk", changes=True)
_SEARCH: Final = Call("search", changes=False)
_GET: Final = Call("get", changes=False)

_Read = TypeVar("_Read")


def connect(settings: Settings) -> OnssRest:
    """The client that the settings describe. Raises SettingsError."""
    return OnssRest(
        settings.endpoint,
        settings.token_endpoint,
        ClientKey.load(settings.client_id, settings.key, settings.audience or settings.token_endpoint, settings.key_id),
        scope=settings.scope,
        connect_timeout_s=settings.connect_timeout_s,
        timeout_s=settings.timeout_s,
        route=Route(settings.proxy, settings.ca),
    )


class OnssRest:
    """A client for one endpoint, for one event loop. Use as `async with`, or call `close`.

    endpoint, token_endpoint  URLs; plain http only to this machine itself
    client                    the bridge's identity at the token endpoint
    connect_timeout_s         for the connection, TLS included
    timeout_s                 for one call, the connection included; one that must fetch a token first takes up to twice
                              as long
    route                     through which proxy and by whose certificates; None: as the environment says

    Raises SettingsError if an endpoint cannot be used.
    """

    declares: Final = frozenset[type[Item]]({MovementItem})
    batch_limit: Final = n.BATCH_LIMIT
    cancel_reasons: Final = description.CANCEL_REASONS

    def __init__(
        self,
        endpoint: str,
        token_endpoint: str,
        client: ClientKey,
        *,
        scope: str | None = None,
        connect_timeout_s: float = 5.0,
        timeout_s: float = 30.0,
        route: Route | None = None,
    ) -> None:
        self._endpoint = checked_url(endpoint).rstrip("/")
        way = Route() if route is None else route
        way.proxy_of(self._endpoint)  # an invalid one is reported now, not at the first call
        self._transport = Transport(
            connect_timeout_s=connect_timeout_s,
            timeout_s=timeout_s,
            tls=way.tls,
            proxy_of=way.proxy_of,
            accept=f"application/json, {n.PROBLEM}",
        )
        self._tokens = Tokens(self._transport, checked_url(token_endpoint), client, scope)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections; calls under way fail."""
        await self._transport.close()

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        """registerInBulk; see `Authority.register`."""
        forms.check_items(_REGISTER, self.declares, self.batch_limit, items)
        movements = [item for item in items if isinstance(item, MovementItem)]
        answer = await self._exchange(_REGISTER, n.REGISTER, rest_messages.register_request(movements))
        if answer.status == HTTPStatus.BAD_REQUEST and _problem(answer).kind == n.BAD_REQUEST:
            raise _rejected(answer, movements)
        answered = answer.date or datetime.now(UTC)
        in_part = answer.status == HTTPStatus.MULTI_STATUS
        read = rest_messages.register_outcomes_in_part if in_part else rest_messages.register_outcomes
        return await self._read(_REGISTER, answer, lambda body: read(body, movements, answered))

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        """cancelInBulk; see `Authority.cancel`."""
        forms.check_cancellations(_CANCEL, self.cancel_reasons, self.batch_limit, items)
        answer = await self._exchange(_CANCEL, n.CANCEL, rest_messages.cancel_request(items))
        return await self._read(_CANCEL, answer, lambda body: rest_messages.cancel_outcomes(body, items))

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        """A search, page by page; see `Authority.search`."""
        if wrong := requests.search_misfits(criteria):
            raise failures.misfit(_SEARCH, f"wrong criteria: {', '.join(wrong)}")
        found: dict[int, Found] = {}
        first_row = 0
        while True:
            request = rest_messages.search_request(criteria, first_row, description.FETCH_LIMIT)
            answer = await self._exchange(_SEARCH, n.SEARCH, request)
            page = await self._read(_SEARCH, answer, rest_messages.search_page)
            if page.total > SEARCH_LIMIT:
                raise failures.too_wide(_SEARCH, page.total, SEARCH_LIMIT)
            found |= {entry.reception_number: entry for entry in page.found}
            first_row += len(page.found)
            if first_row >= page.total:
                return [found[number] for number in sorted(found)]
            if not page.found:
                raise failures.malformed(_SEARCH, f"it counts {page.total} presences and lists {first_row} of them")

    async def get(self, reception_number: int) -> Found | None:
        """One registration; see `Authority.get`."""
        forms.check_reception_number(_GET, reception_number)
        answer = await self._exchange(_GET, f"{n.GET}/{reception_number}")
        if answer.status == HTTPStatus.NOT_FOUND and _problem(answer).kind == n.NOT_FOUND:
            return None
        return await self._read(_GET, answer, lambda body: rest_messages.found_by_number(body, reception_number))

    async def _exchange(self, call: Call, path: str, body: dict[str, Any] | None = None) -> Answer:
        """One call; a token that the service itself rejects is renewed once, and the unprocessed call repeated."""
        content = None if body is None else await asyncio.to_thread(_written, body)
        token = await self._tokens.get()
        answer = await self._send(call, path, content, token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._tokens.spoil(token)
        if _blames_token(answer) or (answer.status == HTTPStatus.UNAUTHORIZED and not call.changes):
            answer = await self._send(call, path, content, await self._tokens.get())
        return answer

    async def _send(self, call: Call, path: str, content: bytes | None, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if content is None:
            return await self._transport.exchange(call, "GET", self._endpoint + path, headers)
        headers["Content-Type"] = "application/json"
        return await self._transport.exchange(call, "POST", self._endpoint + path, headers, content)

    async def _read(self, call: Call, answer: Answer, read: Callable[[dict[str, Any]], _Read]) -> _Read:
        """The meaning of an answer: its body first, with any HTTP status; the status only if the body is not an answer.

        Answers of 200 items take milliseconds to read: in a thread.
        """
        try:
            return await asyncio.to_thread(lambda: read(rest_messages.parse(answer.content)))
        except AnswerMalformed as flaw:
            if answer.status != HTTPStatus.OK:
                raise _refusal(call, answer) from None
            raise failures.malformed(call, str(flaw)) from None


def _problem(answer: Answer) -> rest_messages.Problem:
    return rest_messages.read_problem(answer.content_type, answer.content)


def _blames_token(answer: Answer) -> bool:
    """Whether the service rejected a call because of its token: RFC 6750, 3.1; federal REST guide."""
    return answer.status == HTTPStatus.UNAUTHORIZED and (
        'error="invalid_token"' in answer.challenge
        or _problem(answer).kind in (n.NO_TOKEN, n.INVALID_TOKEN, n.EXPIRED_TOKEN)
    )


def _refusal(call: Call, answer: Answer) -> AuthorityError:
    summary = _problem(answer).summary
    not_admitted = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if _blames_token(answer) or (not_admitted and not call.changes):
        return AuthorityUnavailable(
            what=f"{call.name}: HTTP {answer.status} ({summary or 'no word of why'})",
            kept=failures.UNTOUCHED,
            do=f"check at the authority's portal what this client may do, and for which employers{answer.apart}",
            retry=False,
            retry_after=answer.retry_after,
        )
    return failures.http_error(call, answer.status, answer.retry_after, summary)


def _rejected(answer: Answer, items: Sequence[MovementItem]) -> AuthorityRejected:
    problem = _problem(answer)
    return AuthorityRejected(
        what=f"{_REGISTER.name}: HTTP {answer.status} ({problem.summary or 'no word of why'})",
        kept=failures.UNTOUCHED,
        do="look at the items and at the service's OpenAPI file",
        code=CONTENT_REJECTED,
        references=tuple(items[place].reference for place in problem.blamed if place < len(items)),
    )


def _written(body: dict[str, Any]) -> bytes:
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
