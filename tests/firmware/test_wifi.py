"""Wi-Fi that stays away: the board's own code on a port that reports "connecting" forever, and the uplink's patience
with it. Time passes only when everybody waits, so an hour costs nothing.
"""

# heapsize: 320k

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")
sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/boards/esp32_devkit")

from wifi_site import Site  # before anything that waits
from modelled_time import run
from app.net.uplink import NO_BROKER, NO_WIFI


HOUR_MS = 3600000


def pass_ms(site, ms):
    run(site.uplink.run(), ms)


def test_the_radio_goes_off_and_on_after_two_minutes_without_an_address_and_then_more_seldom():
    site = Site(found_after=1000)
    pass_ms(site, HOUR_MS * 2)
    since_s = [at_s - site.station.on_at_s[0] for at_s in site.station.on_at_s]
    assert [at_s // 60 for at_s in since_s[:7]] == [0, 2, 6, 14, 30, 46, 62], since_s
    assert site.station.joins == len(since_s), "and once each time: the port tries again by itself"
    assert site.uplink.link_state == NO_WIFI


def test_a_station_that_finds_its_access_point_only_after_the_radio_was_off_is_back_soon():
    site = Site(found_after=2)
    pass_ms(site, 125000)
    assert site.station.isconnected() and site.uplink.link_state == NO_BROKER
    assert not site.restart_due


def test_after_an_hour_without_an_address_a_restart_is_due_but_not_in_a_journal_that_fills():
    site = Site(found_after=1000)
    pass_ms(site, HOUR_MS - 1000)
    assert not site.restart_due
    full = Site(found_after=1000)
    full.nearly_full = True
    pass_ms(full, HOUR_MS * 2)
    assert not full.restart_due
    pass_ms(site, HOUR_MS + 1000)
    assert site.restart_due


def test_an_address_that_leads_nowhere_is_given_up_as_late_but_needs_no_restart():
    site = Site()
    pass_ms(site, HOUR_MS * 2)
    assert 5 <= len(site.station.on_at_s) <= 10 and not site.restart_due


def test_a_broker_that_says_something_keeps_the_wifi_as_it_is():
    site = Site()
    site.answers = True
    pass_ms(site, HOUR_MS)
    assert len(site.station.on_at_s) == 1


def test_a_join_that_fails_at_once_is_tried_again_in_half_a_minute():
    site = Site()
    site.station.joins_fail = 2
    pass_ms(site, 70000)
    assert site.station.isconnected() and len(site.station.on_at_s) == 1
