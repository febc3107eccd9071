"""How the console has acts done: through the running bridge's socket; without a running bridge, in the store itself.

While no bridge runs no punch is stored, so nothing waits for the store's lock; it is held only for the one act.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from badgeclock.bridge.acts.acting import Done
from badgeclock.bridge.acts.acts import Asked, perform
from badgeclock.bridge.acts.acts_socket import IMPORT_BYTES, LINE_BYTES, named
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.console.errors import ActRefused, BridgeSilent
from badgeclock.errors import BadgeclockError

ANSWER_S: Final = 15.0
"""How long the bridge may take: longer than its own wait for a locked store."""
IMPORT_ANSWER_S: Final = 120.0
"""The same for a portion of an import."""
_NOBODY_LISTENS: Final = (FileNotFoundError, ConnectionRefusedError)


class Door(Protocol):
    """Has acts done."""

    async def ask(self, act: Asked, session: str = "", /, **fields: Any) -> Done:
        """Have an act done with the secret of a session. Raises ActRefused, BridgeSilent, StoreError."""
        ...


class BridgeDoor:
    """The bridge's own socket, or the store."""

    def __init__(self, path: Path, store_url: str, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._store_url = store_url
        self._vault = vault
        self._now_ms = now_ms

    async def ask(self, act: Asked, session: str = "", /, **fields: Any) -> Done:
        """See Door."""
        line = json.dumps({"act": act, "session": session, "fields": fields}).encode() + b"\n"
        is_import = act is Asked.IMPORT
        if len(line) > (IMPORT_BYTES if is_import else LINE_BYTES):
            raise ActRefused(
                "TooLong", what="what was filled in is too long", kept="everything as it was", do="write less"
            )
        try:
            async with asyncio.timeout(IMPORT_ANSWER_S if is_import else ANSWER_S):
                answer = await self._answer(line)
        except _NOBODY_LISTENS:
            return await asyncio.to_thread(self._do, act, session, fields)
        except (OSError, TimeoutError, ValueError):
            raise _silent() from None
        if "refused" in answer:
            raise ActRefused(**answer["refused"])
        done: Done = answer["done"]
        return done

    async def _answer(self, line: bytes) -> dict[str, Any]:
        with named(self._path) as name:
            reader, writer = await asyncio.open_unix_connection(name, limit=IMPORT_BYTES)
        try:
            writer.write(line)
            await writer.drain()
            answer: dict[str, Any] = json.loads(await reader.readline())
            return answer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _do(self, act: Asked, session: str, fields: Mapping[str, Any]) -> Done:
        store = Store(self._store_url)
        try:
            with store.write() as connection:
                # Fields are JSON over the socket, and so here too.
                plain = json.loads(json.dumps(fields))
                return perform(connection, self._vault, act, session, plain, self._now_ms())
        except BadgeclockError as error:
            raise ActRefused(type(error).__name__, what=error.what, kept=error.kept, do=error.do) from None
        finally:
            store.close()


def _silent() -> BridgeSilent:
    return BridgeSilent(
        what="the bridge has not answered",
        kept="everything that was committed; what you asked for may still be carried out",
        do="look at the page again before you ask for the same once more",
    )
