"""A list is tried first, with each bad row named; what was tried is imported, by whom it was sent, once."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from tests.host.bridge.people.test_large_import import CYCLE, KINDS
from tests.host.bridge.people.test_large_import import HEADER as LARGE_HEADER
from tests.host.bridge.people.test_large_import import row as large_row
from tests.host.bridge.world import KBO
from tests.host.console.morning import QUAY_9, Morning
from tests.host.console.test_pages import text_of
from tests.host.console.test_signing_in import token
from tests.national_numbers import national_number

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.people import imports
from badgeclock.bridge.people.spreadsheets import ROWS_MOST
from badgeclock.bridge.store import schema
from badgeclock.bridge.web import reach
from badgeclock.console import guard
from badgeclock.console.door import BridgeDoor
from badgeclock.console.errors import ConsoleError
from badgeclock.console.import_jobs import KEPT_MOST, KEPT_S, ImportJobs, Job
from badgeclock.console.import_process import FIRST_ROWS
from badgeclock.console.sealed_file import SealedFile

Visit = Callable[[str], TestClient]
HEADER = "reference;name;niss;employer\n"
GOOD = f"{HEADER}W-101;Gaia Proef;{national_number(101)};{KBO}\nW-102;Hugo Proef;{national_number(102)};{KBO}\n"
WRONG = national_number(103)[:-1] + ("1" if national_number(103)[-1] != "1" else "2")
BAD = f"{HEADER}W-101;Gaia Proef;{national_number(101)};{KBO}\nW-103;Ines Proef;{WRONG};{KBO}\n"


def send(client: TestClient, content: bytes | str, name: str = "workers.csv", **fields: str) -> Response:
    form = {"token": token(client.get("/account").text), **fields}
    return when_done(client, client.post("/imports", data=form, files={"file": (name, content)}))


def when_done(client: TestClient, answer: Response) -> Response:
    """The page of the list once the work on it has ended; on a busy machine that is a page later."""
    while answer.status_code == 303 or 'http-equiv="refresh"' in answer.text:
        time.sleep(0.1)
        answer = client.get(answer.headers.get("location") or str(answer.request.url))
    return answer


def word_of(page: str) -> str:
    (word,) = re.findall(r'name="upload" value="([^"]+)"', page)
    return word


def import_it(client: TestClient, word: str) -> Response:
    data = {"token": token(client.get("/account").text), "upload": word}
    return when_done(client, client.post("/do/import", data=data))


def test_a_list_is_tried_and_then_imported(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    before = len(morning.rows(schema.workers)), len(morning.rows(schema.acts))
    tried = send(client, GOOD)
    assert tried.status_code == 200
    assert "This would be imported; nothing has changed yet workers.csv workers: 2 added" in text_of(tried.text)
    assert national_number(101) not in tried.text
    assert (len(morning.rows(schema.workers)), len(morning.rows(schema.acts))) == before
    word = word_of(tried.text)
    assert import_it(visit("ada"), word).status_code == 409, "another's file"
    done = import_it(client, word)
    assert (done.status_code, "Imported workers.csv workers: 2 added" in text_of(done.text)) == (200, True)
    assert len(morning.rows(schema.workers)) == before[0] + 2
    (act,) = [row for row in morning.rows(schema.acts) if row.act == "imported"]
    assert (act.operator, act.detail["rows"]) == ("otto (console)", 2)
    again = import_it(client, word)
    assert (again.status_code, "no longer here" in again.text) == (409, True)
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
        ("workers.csv", HEADER.encode() + b"W;x;y;z\n" * (ROWS_MOST + 1), f"more than {ROWS_MOST} rows"),
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
    assert (
        client.post(
            "/imports", data={"token": "x"}, files={"file": ("x.csv", bytes(guard.UPLOAD_BYTES_MOST))}
        ).status_code
        == 413
    )
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
    assert import_it(visit("vera"), word_of(send(visit("otto"), GOOD).text)).status_code == 403
    assert "by accounts that reach everything" in visit("lea").get("/imports").text
    answer = send(visit("lea"), GOOD)
    assert (answer.status_code, "reaches some sites or employers alone" in answer.text) == (422, True)
    assert visit("").post("/imports", files={"file": ("x", b"x")}).headers["location"].startswith("/sign-in")


def job(account: int) -> Job:
    return Job(account, "x.csv", SealedFile(), None, None)


def test_a_list_is_kept_a_while_for_its_sender_and_no_longer(morning: Morning) -> None:
    now = [0.0]
    door = BridgeDoor(morning.socket, morning.url, morning.vault, lambda: morning.now_ms)
    jobs = ImportJobs(morning.url, morning.vault, door, lambda: morning.now_ms, lambda: now[0])
    kept = [job(1) for _ in range(KEPT_MOST + 1)]
    words = []
    for one in kept:
        words.append(jobs.begin(one))
        one.work.result()
    assert jobs.find(words[0], 1) is None
    assert jobs.find(words[-1], 1) is kept[-1]
    assert jobs.find(words[-1], 2) is None
    now[0] = KEPT_S + 1
    assert jobs.find(words[-1], 1) is None
    jobs.close()
    with pytest.raises(ConsoleError, match="broken off"):
        jobs._said(job(1), "try").__next__()


def test_nothing_of_an_uploaded_list_can_be_read_on_the_disk() -> None:
    file = SealedFile()
    for part in (b"W-1;Anna;", national_number(1).encode(), b"\n" * 5000):
        file.write(part)
    assert file.content() == file.content() == b"W-1;Anna;" + national_number(1).encode() + b"\n" * 5000
    path = Path(f"/proc/self/fd/{file._file.fileno()}")
    assert str(path.readlink()).endswith(" (deleted)")
    content = path.read_bytes()
    assert len(content) == 5020
    assert national_number(1).encode() not in content
    file.close()


@pytest.mark.parametrize("people", [1_000, pytest.param(ROWS_MOST, marks=pytest.mark.torture)])
@pytest.mark.timeout(3000)
def test_a_large_list_with_every_error_is_tried_while_pages_are_answered_and_another_program_writes(
    morning: Morning, visit: Visit, people: int
) -> None:
    client = visit("otto")
    content = LARGE_HEADER + "".join(map(large_row, range(people)))
    bad = people // CYCLE * KINDS
    form = {"token": token(client.get("/account").text)}
    with morning.office.write():
        answer = client.post("/imports", data=form, files={"file": ("workers.csv", content)})
        assert client.get("/").status_code == 200
        assert client.get("/imports").status_code == 200
        tried = when_done(client, answer)
    page = text_of(tried.text)
    assert f"{bad} rows are bad; nothing was imported" in page
    kinds = tried.text[tried.text.index('id="kinds"') : tried.text.index('id="first"')]
    assert 8 <= kinds.count("<li>") <= KINDS, "some of them are one kind"
    assert f"The first {FIRST_ROWS} bad rows" in page
    assert len(tried.text) < 60_000
    (link,) = re.findall(r'href="(/imports/[^"]+/faults\.csv)"', tried.text)
    assert visit("ada").get(link).status_code == 404
    assert visit("vera").get(link).status_code == 403
    faults = client.get(link)
    assert faults.headers["content-disposition"] == 'attachment; filename="faults.csv"'
    rows = list(csv.DictReader(io.StringIO(faults.text)))
    assert len(rows) == bad
    for number in range(people // CYCLE):
        assert national_number(1000 + CYCLE * number + 1) not in faults.text
    assert 'name="upload"' not in tried.text


def test_a_large_list_is_imported_in_portions(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    rows = "".join(
        f"L-{at:05d};Person {at};{national_number(2000 + at)};{KBO}\n" for at in range(imports.PORTION_ROWS + 5)
    )
    tried = send(client, HEADER + rows)
    assert f"in portions of {imports.PORTION_ROWS} rows" in text_of(tried.text)
    done = import_it(client, word_of(tried.text))
    assert f"workers: {imports.PORTION_ROWS + 5} added" in text_of(done.text)
    acts = [row.detail["rows"] for row in morning.rows(schema.acts) if row.act == "imported"]
    assert acts == [imports.PORTION_ROWS, 5]


def test_an_import_that_breaks_off_says_what_it_did(visit: Visit) -> None:
    client = visit("otto")
    rows = "".join(f"L-{at:05d};Person {at};{national_number(2000 + at)};{KBO}\n" for at in range(5))
    tried = send(client, HEADER + rows)
    other = f"{HEADER}OTHER;Person;{national_number(2003)};{KBO}\n"
    assert import_it(visit("ada"), word_of(send(visit("ada"), other).text)).status_code == 200
    done = import_it(client, word_of(tried.text))
    assert done.status_code == 422
    assert "Broken off" in done.text
    assert "has the same number" in done.text
