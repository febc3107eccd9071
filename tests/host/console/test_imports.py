"""A list is tried first, with each bad row named; what was tried is imported, by whom it was sent, once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from tests.host.bridge.world import KBO
from tests.host.console.morning import QUAY_9, Morning
from tests.host.console.test_pages import do, text_of
from tests.host.console.test_signing_in import token
from tests.national_numbers import national_number

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.store import schema
from badgeclock.bridge.web import reach
from badgeclock.console import guard
from badgeclock.console.uploads import KEPT_MOST, KEPT_S, Upload, Uploads

Visit = Callable[[str], TestClient]
HEADER = "reference;name;niss;employer\n"
GOOD = f"{HEADER}W-101;Gaia Proef;{national_number(101)};{KBO}\nW-102;Hugo Proef;{national_number(102)};{KBO}\n"
WRONG = national_number(103)[:-1] + ("1" if national_number(103)[-1] != "1" else "2")
BAD = f"{HEADER}W-101;Gaia Proef;{national_number(101)};{KBO}\nW-103;Ines Proef;{WRONG};{KBO}\n"


def send(client: TestClient, content: bytes | str, name: str = "workers.csv", **fields: str) -> Response:
    form = {"token": token(client.get("/account").text), **fields}
    return client.post("/imports", data=form, files={"file": (name, content)})


def word_of(page: str) -> str:
    (word,) = re.findall(r'name="upload" value="([^"]+)"', page)
    return word


def test_a_list_is_tried_and_then_imported(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    before = len(morning.rows(schema.workers)), len(morning.rows(schema.acts))
    tried = send(client, GOOD)
    assert tried.status_code == 200
    assert "This would be imported; nothing has changed yet workers.csv workers: 2 added" in text_of(tried.text)
    assert national_number(101) not in tried.text
    assert (len(morning.rows(schema.workers)), len(morning.rows(schema.acts))) == before
    word = word_of(tried.text)
    assert do(visit("ada"), "import", upload=word)[0] == 409, "another's file"
    status, page = do(client, "import", upload=word)
    assert (status, "Imported workers.csv workers: 2 added" in text_of(page)) == (200, True)
    assert len(morning.rows(schema.workers)) == before[0] + 2
    (act,) = [row for row in morning.rows(schema.acts) if row.act == "imported"]
    assert (act.operator, act.detail["rows"]) == ("otto (console)", 2)
    status, page = do(client, "import", upload=word)
    assert (status, "here no more" in page) == (409, True)
    assert "workers: 2 unchanged" in text_of(send(client, GOOD).text)


def test_a_bad_row_is_named_and_nothing_is_imported(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    before = len(morning.rows(schema.workers))
    tried = send(client, BAD)
    assert tried.status_code == 422
    page = text_of(tried.text)
    assert "1 row is bad; nothing was imported" in page
    assert "workers.csv, row 3: " in page
    assert "check digits" in page
    assert WRONG not in tried.text
    assert 'name="upload"' not in tried.text
    assert len(morning.rows(schema.workers)) == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("workers.csv", b"", "no table"),
        ("list.csv", GOOD.encode(), "not clear what the table is of"),
        ("workers.csv", b"reference;name;iban\nW-1;x;y\n", "unknown columns, number 3"),
        ("workers.xlsx", b"PK\x03\x04" + bytes(100), "to do"),
        ("workers.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "to do"),
        ("../../etc/passwd\x00<script>", b"\xff\xfe\x00\x01", "to do"),
        ("workers.csv", HEADER.encode() + b"W;x;y;z\n" * 2001, "more than 2000 rows"),
    ],
)
def test_what_is_no_list_is_refused_in_words(visit: Visit, name: str, content: bytes, said: str) -> None:
    answer = send(visit("otto"), content, name)
    assert answer.status_code == 422
    (alert,) = re.findall(r'role="alert">(.*?)</div>', answer.text, flags=re.DOTALL)
    assert said in alert.lower()
    assert "<script>" not in answer.text[answer.text.index("<main") : answer.text.index("</main")]


def test_the_size_is_bounded_and_other_forms_stay_small(visit: Visit) -> None:
    client = visit("otto")
    assert send(client, bytes(guard.UPLOAD_BYTES_MOST)).status_code == 413
    large = {"why": "x" * guard.BODY_BYTES_MOST}
    assert client.post("/do/settle", data=large).status_code == 413
    assert client.post("/imports", data={"token": "x"}).status_code == 422
    assert client.post("/imports", content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 422


def test_only_who_may_change_everything_imports(morning: Morning, visit: Visit) -> None:
    with morning.office.read() as connection:
        morning_reach = reach.of_names(connection, (QUAY_9,), ())
    morning.account("lea", Role.OPERATOR, morning_reach)
    assert visit("vera").get("/imports").status_code == 403
    assert send(visit("vera"), GOOD).status_code == 403
    assert do(visit("vera"), "import", upload=word_of(send(visit("otto"), GOOD).text))[0] == 403
    assert "by accounts that reach everything" in visit("lea").get("/imports").text
    answer = send(visit("lea"), GOOD)
    assert (answer.status_code, "reaches some sites or employers alone" in answer.text) == (422, True)
    assert visit("").post("/imports", files={"file": ("x", b"x")}).headers["location"].startswith("/sign-in")


def test_what_was_sent_is_kept_a_while_in_memory_and_no_longer() -> None:
    now = [0.0]
    uploads = Uploads(lambda: now[0])
    words = [uploads.keep(Upload(1, "x.csv", [], [])) for _ in range(KEPT_MOST + 1)]
    assert uploads.find(words[0], 1) is None
    assert uploads.find(words[-1], 1) is not None
    assert uploads.find(words[-1], 2) is None
    now[0] = KEPT_S + 1
    assert uploads.find(words[-1], 1) is None
