"""Who may write, read and subscribe to what at the broker (docs/protocol.md §7), for its dynamic-security plugin.

The plugin answers a subscription that nobody may have with a failure; an access list alone grants it and delivers
nothing, and then has to judge every message once for each such subscription. Each clock is a client with a role of its
own, since a role has no word for the client's name. Clocks are added to the plugin by messages to `CONTROL`, which the
bridge alone may write to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from badgeclock.protocol.bridge_names import BRIDGE_NAME
from badgeclock.protocol.topics import UPWARD, Channel, subscription, topic

CONTROL: Final = "$CONTROL/dynamic-security/v1"
"""Where commands for the plugin are published."""
RESPONSE: Final = f"{CONTROL}/response"
DOWNWARD: Final = (Channel.ACK, Channel.RECEIPTS, Channel.COMMAND)


def clock_role(clock_id: str) -> dict[str, Any]:
    """The role of one clock, as `createRole` takes it: its own topics, and these ways only."""
    written = [topic(clock_id, channel) for channel in UPWARD]
    read = [topic(clock_id, channel) for channel in DOWNWARD]
    return {"rolename": clock_id, "acls": _rules(written, read)}


def bridge_role() -> dict[str, Any]:
    """The role of the bridge: the other end of every clock's topics, and the plugin itself."""
    written = [*(subscription(channel) for channel in DOWNWARD), CONTROL]
    read = [*(subscription(channel) for channel in UPWARD), RESPONSE]
    return {"rolename": BRIDGE_NAME, "acls": _rules(written, read)}


def client(name: str) -> dict[str, Any]:
    """The client of that name, which is its certificate's, with its role, as `createClient` takes it."""
    return {"username": name, "roles": [{"rolename": name, "priority": 0}]}


def whole(clock_ids: Iterable[str]) -> dict[str, Any]:
    """The plugin's file for a broker with these clocks: what no role grants is refused."""
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
    """A subscription is granted by its very words: a filter that covers more, or a shared one, is another."""
    read = list(read)
    rules = [("publishClientSend", one) for one in written]
    rules += [(kind, one) for one in read for kind in ("publishClientReceive", "subscribeLiteral")]
    return [{"acltype": kind, "topic": one, "priority": 0, "allow": True} for kind, one in rules]
