"""A site of the last release is brought to this version part by part, in either order, and no punch is lost.

The last release's bridge, tools and firmware are those of its commit (tests/releases); the clocks run in the real
MicroPython and speak through a real Mosquitto.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from badgeclock.protocol.record import Kind
from tests.releases import kept
from tests.releases.site import Site

pytestmark = pytest.mark.timeout(240)


def test_whichever_of_clock_and_bridge_is_updated_first_every_punch_gets_its_number_and_every_record_is_proven(
    tmp_path: Path,
) -> None:
    old, new = kept.last(), kept.present()
    first, second = "clock-0001", "clock-0002"
    with Site(tmp_path, old, (first, second)) as site:
        # Everything is the last release's.
        numbers = [site.tap_and_read(first, 0), site.tap_and_read(second, 1)]
        interface = site.told("/planning/v1/openapi.json")

        # This version's firmware and the last release's bridge: updated with a punch that was not sent yet.
        site.clocks[first].door.network_down()
        site.tap(first, 2)
        told = site.provision(new, first)
        assert (told["chain"], told["punches_lost"]) == ("kept", 0)
        site.clocks[first].door.network_up()
        numbers += [site.registered(2), site.tap_and_read(first, 3)]
        site.wait_acknowledged(first)
        site.order(old, first, message_s=2)

        # The last release's firmware and this version's bridge: updated in the middle of a backlog, of which the clock
        # has sent a part.
        site.kill_bridge()
        site.tap(second, 4)
        site.clocks[second].door.network_down()
        site.tap(second, 5)
        site.update_bridge(new)
        site.clocks[second].door.network_up()
        numbers += [site.registered(4), site.registered(5), site.tap_and_read(second, 6)]
        site.order(new, second, message_s=2)
        assert len(set(numbers)) == len(numbers)
        assert_takes_what_it_took(interface, site.told("/planning/v1/openapi.json"))

        # Journals: one that both firmwares wrote, and one of the last release alone.
        for name in (first, second):
            site.wait_acknowledged(name)
            site.clocks[name].door.plug_out()
        assert site.kept(first, Kind.BOOT)[-1].detail[4:8].hex() == told["firmware_hash"][:8]
        for release in (old, new):
            assert [found["verdict"] for found in site.verify(release, first, second)] == ["ok", "ok"]


@pytest.mark.torture
def test_a_chain_of_this_version_alone_is_proven_by_the_last_release_and_goes_on_under_its_firmware(
    tmp_path: Path,
) -> None:
    old, new = kept.last(), kept.present()
    name = "clock-0001"
    with Site(tmp_path, old, (name,)) as site:
        numbers = [site.tap_and_read(name, 0)]
        site.wait_acknowledged(name)
        site.provision(new, name, "--found-anew")
        site.wait_online(name)
        site.tap(name, 1)
        site.clocks[name].door.plug_out()
        assert [found["verdict"] for found in site.verify(old, name)] == ["ok"]
        site.clocks[name].door.plug_in()
        assert site.provision(old, name)["chain"] == "kept"
        site.add(old, name)
        numbers += [site.registered(1), site.tap_and_read(name, 2)]
        assert len(set(numbers)) == len(numbers)
        site.clocks[name].door.plug_out()
        assert [found["verdict"] for found in site.verify(new, name)] == ["ok"]


def assert_takes_what_it_took(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Whether a tool that was written for one description of an interface works with another: its requests are still
    accepted, and the answers still have every key that it uses.
    """
    for path, methods in before["paths"].items():
        for method, operation in methods.items():
            there = now["paths"][path][method]
            known = {parameter["name"]: parameter for parameter in there.get("parameters", ())}
            given = {parameter["name"] for parameter in operation.get("parameters", ())}
            assert given <= known.keys(), (path, method)
            assert {name for name, parameter in known.items() if parameter.get("required")} <= given, (path, method)
            assert operation["responses"].keys() <= there["responses"].keys(), (path, method)
    answers = {name for name in before["components"]["schemas"] if not name.endswith(("Body", "Back"))}
    for name, schema in before["components"]["schemas"].items():
        there = now["components"]["schemas"][name]
        for key, value in schema.get("properties", {}).items():
            assert there["properties"][key].get("type") == value.get("type"), (name, key)
        assert set(schema.get("enum", ())) <= set(there.get("enum", ())), name
        if name in answers:
            assert set(schema.get("required", ())) <= set(there.get("required", ())), name
        else:
            assert set(there.get("required", ())) <= set(schema.get("required", ())), name
