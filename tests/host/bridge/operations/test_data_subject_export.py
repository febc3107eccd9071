"""A person's data: what is found only through a punch."""

from __future__ import annotations

from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, DAY_MS, World

from badgeclock.bridge.operations import data_subject_export
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.corrections import Meant
from badgeclock.bridge.registrar.decisions import Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator

DATABASES = BOTH


def test_a_correction_that_names_a_punch_is_among_the_data_of_its_worker_alone(world: World) -> None:
    world.now_ms += DAY_MS
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    with world.store.write() as connection:
        for seq in (2, 3):
            why = Decision("office", f"punch {seq} came late", world.now_ms)
            corrections.declare_punch(connection, world.clock.name, seq, Meant(), why)
        connection.execute(schema.filings.update().values(worker_id=None))

    def told(reference: str) -> list[str]:
        found = data_subject_export.collect(world.store, world.vault, reference, Operator("anna", "asked"), 0)
        return [one["why"] for one in found["corrections_for_the_authority"]]

    assert told("W-001") == ["punch 2 came late"]
    assert told("W-002") == ["punch 3 came late"]
    assert told("W-003") == []
