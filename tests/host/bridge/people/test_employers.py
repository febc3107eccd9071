"""Employers and their enterprise numbers."""

from __future__ import annotations

import pytest
from tests.host.bridge.world import World

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import employers


@pytest.mark.parametrize("kbo", ["0438195916", "438195916", "BE 0438.195.916", "0448181966", "0206731645"])
def test_enterprise_numbers_are_taken_in_any_writing(world: World, kbo: str) -> None:
    with world.store.write() as connection:
        first = employers.add(connection, kbo)
        assert employers.add(connection, kbo) == first


def test_a_wrong_enterprise_number_is_refused(world: World) -> None:
    with pytest.raises(PeopleError), world.store.write() as connection:
        employers.add(connection, "0438195917")
