"""The kinds of MicroPython images for a clock, and what runs on each. The memory that decides it: docs/chip.md."""

from __future__ import annotations

from enum import Enum

from badgeclock.errors import ProvisionError

BADGES_BY_UID = "uid"
"""The only value of the setting `badges` with which no badge proves itself (docs/badges.md §1)."""

# Names that MicroPython's program contains only if it was built with the feature.
_CODE_IN_PLACE = b"rom_ioctl\0"
_BLUETOOTH = b"gatts_register_services\0"


class Kind(Enum):
    """A kind of MicroPython image, by where it runs code and the memory it leaves."""

    OWN = "the board's own image"
    OWN_WITH_BLUETOOTH = "an image that runs code in place, with Bluetooth"
    OFFICIAL = "an image that copies code into the heap (MicroPython's official one)"


def of_program(program: bytes) -> Kind:
    """The kind of a program for the flash."""
    return kind(in_place=_CODE_IN_PLACE in program, bluetooth=_BLUETOOTH in program)


def kind(*, in_place: bool, bluetooth: bool) -> Kind:
    """The kind of an image that runs code in place or not, and was built with Bluetooth or not."""
    if not in_place:
        return Kind.OFFICIAL
    return Kind.OWN_WITH_BLUETOOTH if bluetooth else Kind.OWN


def sentences(image: Kind) -> tuple[str, ...]:
    """What runs on it and what does not, in a sentence each."""
    return _TOLD[image]


def check_site(image: Kind, badges: str) -> None:
    """Raise ProvisionError if a site with this setting `badges` cannot run on the image."""
    if badges == BADGES_BY_UID or image is Kind.OWN:
        return
    raise ProvisionError(
        what=f"the site's badges prove themselves (badges={badges}), for which {image.value} leaves too little memory",
        kept="everything on the clock",
        do="write the board's own image with `badgeclock clock flash`, or take badges by their UID: --badges uid",
    )


_TOLD = {
    Kind.OWN: (
        "image: the board's own; code runs in place in the flash",
        "will run: badges by their UID, badges that prove themselves, rosters, orders, settings from the bridge",
    ),
    Kind.OWN_WITH_BLUETOOTH: (
        "image: code runs in place in the flash, but Bluetooth was built in and takes 25 KB of the memory",
        "will not run: a connection that lasts; TLS finds no room. `make firmware` builds one without Bluetooth",
    ),
    Kind.OFFICIAL: (
        "image: not the board's own; code is copied into the heap, as on MicroPython's official image",
        "will run: badges by their UID, to try a clock out. Will not run: badges that prove themselves",
    ),
}
