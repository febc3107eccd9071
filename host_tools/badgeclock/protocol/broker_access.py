"""Access rules of the broker (docs/protocol.md §7): writing, reading, subscribing, for its dynamic-security plugin.

The plugin refuses a forbidden subscription; an access list grants it, delivers nothing, and then checks every message
against each such subscription. Each clock is a client with its own role, since a role cannot refer to the client's
name. Clocks are added to the plugin by messages to `CONTROL`, which only the bridge may write to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from badgeclock.protocol.bridge_names import BRIDGE_NAME
from badgeclock.protocol.topics import UPWARD, Channel, subscription, topic

CONTROL: Final = "$CONTROL/dynamic-security/v1"
"""The topic of commands to the plugin."""
RESPONSE: Final = f"{CONTROL}/response"
DOWNWARD: Final = (Channel.ACK, Channel.RECEIPTS, Channel.COMMAND)


def clock_role(clock_id: str) -> dict[str, Any]:
    """The role of one clock, for `createRole`: its own topics, in these directions only."""
    written = [topic(clock_id, channel) for channel in UPWARD]
    read = [topic(clock_id, channel) for channel in DOWNWARD]
    return {"rolename": clock_id, "acls": _rules(written, read)}


def bridge_role() -> dict[str, Any]:
    """The role of the bridge: the other end of every clock's topics, and the plugin itself."""
    written = [*(subscription(channel) for channel in DOWNWARD), CONTROL]
    read = [*(subscription(channel) for channel in UPWARD), RESPONSE]
    return {"rolename": BRIDGE_NAME, "acls": _rules(written, read)}


def client(name: str) -> dict[str, Any]:
    """The client with its certificate's name and its role, for `createClient`."""
    return {"username": name, "roles": [{"rolename": name, "priority": 0}]}


def whole(clock_ids: Iterable[str]) -> dict[str, Any]:
    """The plugin's file for a broker with these clocks: anything not granted by a role is refused."""
    clocks = sorted(set(clock_ids))
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [client(name) for name in (BRIDGE_NAME, *clocks)],
        "groups": [],
        "roles": [bridge_role(), *map(clock_role, clocks)],
    }


def _rules(written: Iterable[str], read: Iterable[str]) -> list[dict[str, Any]]:
    """A subscription is granted by its exact filter: a wider or a shared one is refused."""
    read = list(read)
    rules = [("publishClientSend", one) for one in written]
    rules += [(kind, one) for one in read for kind in ("publishClientReceive", "subscribeLiteral")]
    return [{"acltype": kind, "topic": one, "priority": 0, "allow": True} for kind, one in rules]
