"""The token of a request to the bridge's port."""

from __future__ import annotations

from starlette.types import Scope as AsgiScope

from badgeclock.bridge.store.database import Store
from badgeclock.bridge.web import api_tokens
from badgeclock.bridge.web.api_tokens import Token


async def token_of(scope: AsgiScope, store: Store, now_ms: int) -> Token | None:
    """The token of a request, with its use recorded; None without a valid one. Raises StoreError."""
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    kind, _, presented = header.decode("latin-1").partition(" ")
    presented = presented.strip()
    if kind.lower() != "bearer" or not api_tokens.has_form(presented):
        return None
    token = await store.reading(api_tokens.find, presented, now_ms)
    if token is not None and token.is_use_unnoted(now_ms):
        await store.writing(api_tokens.note_use, token, now_ms)
    return token
