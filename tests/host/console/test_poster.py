"""A site's poster: what stands on it, and where its QR code leads."""

from __future__ import annotations

import io
from collections.abc import Callable

import segno
from fastapi.testclient import TestClient
from tests.host.bridge.world import SITE, WORKPLACE
from tests.host.console.morning import QUAY_9, Morning
from tests.host.console.test_pages import text_of

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.web import reach

Visit = Callable[[str], TestClient]


def test_a_poster_has_the_number_in_clear_and_a_code_that_opens_the_sites_page(morning: Morning, visit: Visit) -> None:
    client = visit("vera")
    page = client.get(f"/poster?site={SITE}").text
    assert WORKPLACE in text_of(page)
    assert all(f'lang="{language}">' in page for language in ("nl", "fr", "de", "en"))
    picture = client.get(f"/poster/qr.svg?site={SITE}")
    drawn = io.BytesIO()
    address = f"http://testserver/at/{WORKPLACE}"
    segno.make(address, error="q").save(drawn, kind="svg", scale=8, border=4, dark="#000", light="#fff")
    assert (picture.headers["content-type"], picture.content) == ("image/svg+xml", drawn.getvalue())
    assert client.get(f"/at/{WORKPLACE}").headers["location"] == "/?site=Quay+7"
    assert visit("").get(f"/at/{WORKPLACE}").headers["location"] == f"/sign-in?to=%2Fat%2F{WORKPLACE}"
    with morning.office.read() as connection:
        there = reach.of_names(connection, (QUAY_9,), ())
    morning.account("gate", Role.VIEWER, there)
    assert visit("gate").get(f"/poster?site={SITE}").status_code == 404
    assert visit("gate").get(f"/at/{WORKPLACE}").headers["location"] == "/"
