"""MQTT topics and the names in them (docs/protocol.md §1 and §7)."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from badgeclock.protocol.errors import TopicRefused

PREFIX: Final = "badgeclock/v1"
_CLOCK_ID: Final = re.compile(r"[a-z0-9-]{3,23}", re.ASCII)


class Channel(Enum):
    """Last level of a topic."""

    PUNCHES = "punches"
    STATUS = "status"
    ACK = "ack"
    RECEIPTS = "receipts"
    COMMAND = "command"
    DESK = "desk"
    REPORT = "report"
    ROSTER = "roster"


UPWARD: Final = (Channel.PUNCHES, Channel.STATUS, Channel.DESK, Channel.REPORT, Channel.ROSTER)


def check_clock_id(text: str) -> str:
    """The same text if it is a clock id; raises TopicRefused otherwise."""
    if not _CLOCK_ID.fullmatch(text):
        raise TopicRefused(text)
    return text


def topic(clock_id: str, channel: Channel) -> str:
    """The topic of one clock's channel."""
    return f"{PREFIX}/{check_clock_id(clock_id)}/{channel.value}"


def subscription(channel: Channel) -> str:
    """The filter for this channel of all clocks."""
    return f"{PREFIX}/+/{channel.value}"


def all_of(clock_id: str) -> str:
    """The filter for every channel of one clock."""
    return f"{PREFIX}/{clock_id}/+"


def parse(text: str) -> tuple[str, Channel]:
    """Clock id and channel of a topic; raises TopicRefused for anything else."""
    head, _, rest = text.partition(f"{PREFIX}/")
    clock_id, _, name = rest.partition("/")
    if head:
        raise TopicRefused(text)
    try:
        return check_clock_id(clock_id), Channel(name)
    except ValueError as error:
        raise TopicRefused(text) from error


def clock_of(text: str, channel: Channel) -> str | None:
    """The clock's id if the topic is that channel of a clock; None for any other topic. Never raises."""
    try:
        name, found = parse(text)
    except TopicRefused:
        return None
    return name if found is channel else None
