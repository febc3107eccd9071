"""Retires a clock over the cable: RETIRE becomes its chain's last record, its seal's keys and its secrets are zeroed,
its certificate is revoked.

In this order, and every step can be repeated after an interruption: the record and the seal's keys; the secrets, and
remains of an older firmware's file; the files; the certificate in the workshop. The file of the clock's TLS key is
removed, not overwritten: the revocation invalidates that key. The records stay in the flash, readable, until the chip
is provisioned again. Unacknowledged punches are given up only with their exact number: afterwards the clock cannot send
them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from badgeclock.errors import ProvisionError
from badgeclock.technician import on_device
from badgeclock.technician.errors import DeviceError
from badgeclock.technician.flash import punches_refused
from badgeclock.technician.ledger import Act, Ledger
from badgeclock.technician.provision import KEY_PATH, SECRETS_PATH, belongs, identify, inspect
from badgeclock.technician.serial_device import SerialDevice
from badgeclock.technician.workshop import Workshop


@dataclass(frozen=True)
class Retired:
    """The result: the seq of the last record, the number of punches given up, the serial of the certificate."""

    clock_id: str
    seq: int
    was_retired: bool
    punches_lost: int
    serial: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


def retire(
    device: SerialDevice, shop: Workshop, yes_lose: int | None, say: Callable[[str], None] = lambda _: None
) -> Retired:
    """Retire the clock on the device. `say` gets a line per step.

    Raises ProvisionError if it is not a clock of this workshop, was never founded, or has unacknowledged punches whose
    exact number is not `yes_lose`.
    """
    found = inspect(device)
    clock_id = str((found.settings or {}).get("clock_id", ""))
    bundle = shop.bundle(clock_id) if clock_id else None
    if bundle is None or (found.has_live_key and not belongs(found, bundle)):
        raise ProvisionError(
            what=f"the device is {clock_id or 'a clock without a name'}, and its chain is not known to {shop.path}",
            kept="the chain, its punches and every file",
            do="use the workshop that provisioned it",
        )
    if found.unsent_punches and found.unsent_punches != yes_lose:
        raise punches_refused(found.unsent_punches)
    say(f"ending the sealed chain of {clock_id}")
    chip = identify(device)
    seq, was_retired = _retire(device, clock_id)
    there = device.listing()
    for path in (SECRETS_PATH, KEY_PATH):
        if path in there:
            device.remove(path)
            say(f"{path} removed")
    serial = shop.retire_clock(clock_id)
    say(f"certificate {serial:x} revoked")
    Ledger(shop.path).add(clock_id, Act.RETIRED, chip, chain=bundle.genesis_nonce.hex(), firmware="")
    device.restart()
    return Retired(clock_id, seq, was_retired, found.unsent_punches, f"{serial:x}")


def _retire(device: SerialDevice, clock_id: str) -> tuple[int, bool]:
    """The seq of RETIRE, and whether it existed before."""
    try:
        device.run(on_device.RETIRE)
        seq, was_retired = device.ask(f"bc_retire({clock_id!r}, {int(time.time())})")
    except DeviceError as error:
        if error.kind.startswith(("ImportError", "AttributeError", "OSError")):
            raise ProvisionError(
                what="the firmware on the clock is not whole, or older than retiring",
                kept="the chain, its punches and every file",
                do="bring it up to date with `badgeclock clock provision`, then retire it",
            ) from error
        if "never founded" in error.kind:
            raise ProvisionError(
                what="the clock has no sealed chain that could be ended",
                kept="everything as it was",
                do="revoke its certificate alone: `badgeclock ca revoke`",
            ) from error
        raise
    return int(seq), bool(was_retired)
