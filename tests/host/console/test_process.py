"""The console's own process: TLS by itself or behind a proxy, and an end while pages are open."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import typer
from tests.host import unit_filter
from tests.host.bridge.world import KBO
from tests.host.console.morning import PASSWORD, Morning, served
from tests.host.console.test_signing_in import token
from typer.testing import CliRunner

from badgeclock.bridge.accounts import links
from badgeclock.bridge.settings import ConsoleSettings
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.main import app
from badgeclock.demo.process import free_port, port_answers
from badgeclock.installation import units

ROOT = Path(__file__).resolve().parents[3]
EMPLOYERS = f"kbo;name\n{KBO};Proef bv\n"
TOML = """
[store]
url = "sqlite:///bridge.db"
[broker]
ca = "ca.pem"
certificate = "bridge.pem"
key = "bridge.key"
[secrets]
data_key_file = "data.key"
[authority]
kind = "onss-soap"
endpoint = "https://authority.example/"
certificate = "client.pem"
key = "client.key"
"""


def settings(folder: Path, console: str) -> Path:
    """A bridge.toml for the morning's store; the console needs no broker and no authority."""
    (folder / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (folder / "data.key").chmod(0o600)
    (folder / "bridge.toml").write_text(f"{TOML}[console]\n{console}")
    return folder / "bridge.toml"


@contextmanager
def running(config: Path, port: int, *under: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [*under, sys.executable, "-m", "badgeclock.cli.main", "console", "run", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **more}, cwd=ROOT)
    try:
        while not port_answers(port):
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("morning")
def test_it_speaks_tls_itself_and_ends_at_once_while_pages_are_open(tmp_path: Path) -> None:
    authority, port = trustme.CA(), free_port()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "console.pem")
    (tmp_path / "console.pem").chmod(0o600)
    config = settings(tmp_path, f'port = {port}\ncertificate = "console.pem"\nkey = "console.pem"\n')
    address = f"https://localhost:{port}"
    with running(config, port) as process:
        context = httpx.create_ssl_context()
        authority.configure_trust(context)
        with httpx.Client(base_url=address, verify=context, headers={"origin": address}, timeout=120) as client:
            done = client.post("/sign-in", data={"name": "vera", "password": PASSWORD})
            assert done.headers["set-cookie"].startswith("__Host-badgeclock=")
            assert client.get("/").status_code == 200
            with client.stream("GET", "/live") as stream:
                lines = stream.iter_lines()
                assert next(lines) == "retry: 2000"
                process.send_signal(signal.SIGTERM)
                assert "".join(lines)
        assert process.wait(120) == 0
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert "the console has stopped" in said
    assert not [word for word in (PASSWORD, "vera proef", "password") if word in said]


@pytest.mark.usefixtures("morning")
def test_pages_give_way_to_punches_and_leave_that_to_the_unit_where_there_is_one(tmp_path: Path) -> None:
    port = free_port()
    config, usual = settings(tmp_path, f"port = {port}\n"), os.getpriority(os.PRIO_PROCESS, 0)
    with running(config, port) as process:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(usual + units.GIVE_WAY, 19)
    assert f"\nNice={units.GIVE_WAY}\n" in units.console(units.PACKAGE)


@pytest.mark.usefixtures("morning")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter has the numbers of x86-64")
def test_it_serves_and_tries_a_list_under_its_units_filter_of_system_calls(tmp_path: Path) -> None:
    port = free_port()
    config, usual = settings(tmp_path, f"port = {port}\n"), os.getpriority(os.PRIO_PROCESS, 0)
    address = f"http://127.0.0.1:{port}"
    with running(config, port, *unit_filter.UNDER, NOTIFY_SOCKET=str(tmp_path / "manager")) as process:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == usual
        with httpx.Client(base_url=address, headers={"origin": address}, timeout=120) as client:
            assert client.post("/sign-in", data={"name": "otto", "password": PASSWORD}).status_code == 303
            form, file = {"token": token(client.get("/account").text)}, {"file": ("employers.csv", EMPLOYERS)}
            answer = client.post("/imports", data=form, files=file)
            while answer.status_code == 303 or 'http-equiv="refresh"' in answer.text:
                time.sleep(0.1)
                answer = client.get(answer.headers.get("location") or str(answer.request.url))
            assert "This would be imported" in answer.text
    killed = subprocess.run([*unit_filter.UNDER, sys.executable, "-c", "import os; os.nice(1)"], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGSYS, "the filter itself"


def test_behind_a_proxy_its_word_counts_and_without_one_nobodys(morning: Morning) -> None:
    form = {"name": "vera", "password": PASSWORD}
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7", "host": "console.example"}
    for behind_proxy, status in ((True, 303), (False, 403)):
        morning.settings = ConsoleSettings(names=("console.example",), behind_proxy=behind_proxy)
        with served(morning) as address, httpx.Client(base_url=address, headers=forwarded, timeout=120) as client:
            done = client.post("/sign-in", data=form, headers={"origin": "https://console.example"})
            assert done.status_code == status
            assert ("__Host-badgeclock=" in done.headers.get("set-cookie", "")) is behind_proxy


@pytest.mark.parametrize(
    ("console", "said"),
    [
        ('host = "0.0.0.0"\n', "set certificate and key, or 127.0.0.1 with a proxy before it"),
        ('certificate = "console.pem"\n', "certificate and key go together"),
    ],
)
def test_no_plain_http_for_other_machines(tmp_path: Path, console: str, said: str) -> None:
    found = CliRunner().invoke(app, ["console", "run", "--config", str(settings(tmp_path, console))])
    assert said in str(found.exception)


def test_accounts_are_made_and_ended_on_the_bridges_machine(morning: Morning, tmp_path: Path) -> None:
    config = str(settings(tmp_path, "port = 8460\n"))

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["console", "account", *words, "--config", config])
        return done.exit_code, done.stdout.strip() or str(done.exception)

    code, password = run("add", "eva", "--role", "operator", "--site", "Quay 9")
    assert (code, len(password)) == (0, 16)
    assert "there is, or was, an account 'eva'" in run("add", "eva", "--role", "viewer")[1]
    assert "small letters" in run("add", "Eva Proef", "--role", "viewer")[1]
    assert "no site 'Quay 10'" in run("add", "ben", "--role", "viewer", "--site", "Quay 10")[1]
    assert run("set", "eva", "--role", "viewer", "--everything") == (0, "None")
    assert run("reset", "eva", "--reason", "lost it")[1] != password
    assert run("lock", "eva", "--reason", "lost her phone")[0] == 0
    assert run("unlock", "eva", "--reason", "found it")[0] == 0
    assert run("sign-out", "eva", "--reason", "left her desk")[0] == 0
    assert run("add", "ida", "--role", "inspector", "--by-provider") == (0, "None")
    assert "has no password" in run("reset", "ida", "--reason", "forgot it")[1]
    (ida,) = [one for line in run("list", "--json")[1].splitlines() if (one := json.loads(line))["name"] == "ida"]
    assert (ida["signs_in_by"], ida["must_change"], ida["locked"], ida["sessions"]) == ("provider", False, False, 0)
    assert run("end", "eva", "--reason", "left")[0] == 0
    assert "there is no account 'eva'" in run("end", "eva", "--reason", "left")[1]
    (eva,) = [one for line in run("list", "--json")[1].splitlines() if (one := json.loads(line))["name"] == "eva"]
    assert (eva["role"], eva["reach"], eva["codes"]) == ("viewer", {}, False)
    assert eva["ended_ms"]
    assert password not in str(morning.rows(schema.acts))
    with morning.office.read() as connection:
        assert audit_log.verify(connection).acts > 0
        named = [act["name"] for act in audit_log.listing(connection, 0, 1000) if act["act"] == "account_ended"]
    assert named == ["eva"]


def test_links_are_made_listed_and_ended_on_the_bridges_machine(morning: Morning, tmp_path: Path) -> None:
    config = str(settings(tmp_path, 'names = ["console.example"]\nbehind_proxy = true\n'))

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["console", "link", *words, "--config", config])
        return done.exit_code, done.stdout.strip() or str(done.exception)

    code, address = run("add", "--site", "Quay 7", "--hours", "2", "--reason", "inspection")
    assert code == 0
    secret = address.removeprefix("https://console.example/visit/")
    with morning.office.read() as connection:
        found = links.find(connection, secret, wall_clock_ms())
    assert found is not None
    assert found.kind is links.Kind.INSPECTOR
    assert 0 < found.ends_ms - wall_clock_ms() <= 2 * 3_600_000
    assert run("add", "--worker", "W-001", "--reason", "asked for it")[0] == 0
    both = ("--site", "Quay 7", "--worker", "W-001")
    assert "is for a site, or for a worker" in run("add", *both, "--reason", "x")[1]
    assert "no worker 'W-099'" in run("add", "--worker", "W-099", "--reason", "x")[1]
    of_site, of_worker = (json.loads(line) for line in run("list", "--json")[1].splitlines())
    assert (of_site["site"], of_site["worker"], of_worker["site"], of_worker["worker"]) == (
        "Quay 7",
        None,
        None,
        "W-001",
    )
    assert "Quay 7" in run("list")[1]
    assert run("end", "1", "--reason", "has left")[0] == 0
    assert "has ended already" in run("end", "1", "--reason", "has left")[1]
    with morning.office.read() as connection:
        assert links.find(connection, secret, wall_clock_ms()) is None
    assert secret not in str(morning.rows(schema.acts))
    assert [row.act for row in morning.rows(schema.acts)][-3:] == ["link_made", "link_made", "link_revoked"]


@pytest.mark.parametrize("words", [("sandbox", "run"), ("demo",)])
def test_the_console_runs_beside_sandbox_and_demo_on_their_default_ports(words: tuple[str, ...]) -> None:
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.get_command(typer.Context(command), word)
    (port,) = [option.default for option in command.params if option.name == "port"]
    assert ConsoleSettings().port != port
