"""The acts about clocks: what they are ordered to do, and what of their trouble a person knows of."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from badgeclock.bridge.acts import within
from badgeclock.bridge.acts.acting import Actor, Body, Decided, Done, Item, Line
from badgeclock.bridge.clocks import registry, remote_settings, silences
from badgeclock.bridge.errors import NotAllowed
from badgeclock.protocol.frames import Command


class Order(StrEnum):
    """Orders for a clock from a page; retiring it needs the command line."""

    IDENTIFY = "identify"
    SELF_TEST = "self-test"
    RESTART = "restart"
    CAPTURE = "capture"


class Ordered(Decided):
    """An order to a clock."""

    command: Order


class SettingsWanted(Body):
    """New settings of a clock, as `volume=2`, one per line."""

    item: Item
    settings: Annotated[str, Field(max_length=1000)]


class Silenced(Decided):
    """The cause of a clock's mark to silence; without it, all present ones."""

    cause: Line | None = None


class Named(Body):
    """The item of an act, and nothing else."""

    item: Item


def release_clock(actor: Actor, body: Decided) -> Done:
    """Let a clock go on that was under quarantine."""
    within.check_clock(actor.connection, actor.account.reach, body.item, actor.now_ms)
    done = registry.release(actor.connection, body.item, by=actor.name, reason=body.why, now_ms=actor.now_ms)
    return {"queued": done.queued, "can_go_on": done.can_go_on}


def order_clock(actor: Actor, body: Ordered) -> Done:
    """Order a clock to do something."""
    within.check_clock(actor.connection, actor.account.reach, body.item, actor.now_ms)
    command = Command[body.command.name]
    done = registry.order(actor.connection, body.item, command, by=actor.name, reason=body.why, now_ms=actor.now_ms)
    return {"order": done.id, "online": done.online}


def set_clock(actor: Actor, body: SettingsWanted) -> Done:
    """Order other settings of a clock."""
    within.check_clock(actor.connection, actor.account.reach, body.item, actor.now_ms)
    wanted = remote_settings.parse([line.strip() for line in body.settings.splitlines() if line.strip()])
    if not wanted:
        raise NotAllowed("no setting was filled in", "write one a line, such as volume=2")
    done = remote_settings.order(actor.connection, body.item, wanted, by=actor.name, now_ms=actor.now_ms)
    return {"version": done.version, "online": done.online}


def silence_clock(actor: Actor, body: Silenced) -> Done:
    """Take a clock's trouble off the list until it is over."""
    within.check_clock(actor.connection, actor.account.reach, body.item, actor.now_ms)
    causes = (body.cause,) if body.cause else ()
    number = silences.begin(actor.connection, body.item, causes, by=actor.name, reason=body.why, now_ms=actor.now_ms)
    return {"silenced": number}


def end_silence(actor: Actor, body: Named) -> Done:
    """Have a clock's trouble in the list again."""
    within.check_clock(actor.connection, actor.account.reach, body.item, actor.now_ms)
    return {"ended": silences.end(actor.connection, body.item, by=actor.name, now_ms=actor.now_ms)}
