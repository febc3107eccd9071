"""From a company's network to an authority: through its proxy, by its certificates, as settings and environment say."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from badgeclock.authorities import kinds
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityUnavailable
from badgeclock.authorities.failures import Call
from badgeclock.authorities.routes import Route
from badgeclock.authorities.transport import Transport, checked_url
from badgeclock.errors import SettingsError

URL = "https://authority.example/presences"
PROXY = "http://proxy.example:3128"
NAMES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@dataclass
class Company:
    """A proxy that leads anywhere to one service, whose certificate is of the company's own authority."""

    proxy: str
    ca: Path
    asked: list[str] = field(default_factory=list)
    refusal: str = ""


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("authority.example").configure_cert(tls)
    ca = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(ca)
    made = Company("", ca)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nyes")
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        made.asked.append(head.split()[1])
        if made.refusal:
            writer.write(f"HTTP/1.1 {made.refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", service.sockets[0].getsockname()[1])
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
        writer.close()

    service = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    made.proxy = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    async with service, proxy:
        yield made


async def ask(route: Route) -> bytes:
    transport = Transport(connect_timeout_s=10, timeout_s=20, tls=route.tls, proxy_of=route.proxy_of, accept="*/*")
    try:
        return (await transport.exchange(Call("registerPresences", changes=True), "POST", URL, {}, b"x")).content
    finally:
        await transport.close()


async def test_calls_go_through_the_proxy_of_the_settings_by_the_companys_certificates(company: Company) -> None:
    assert await ask(Route(company.proxy, company.ca)) == b"ye"
    assert company.asked == ["authority.example:443"]
    with pytest.raises(AuthorityUnavailable, match="certificate"):
        await ask(Route(company.proxy))


async def test_calls_go_through_the_proxy_of_the_environment(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", company.proxy)
    assert await ask(Route(ca=company.ca)) == b"ye"
    assert company.asked == ["authority.example:443"]


@pytest.mark.parametrize("refusal", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
async def test_what_the_proxy_refuses_was_not_sent(company: Company, refusal: str) -> None:
    company.refusal = refusal
    with pytest.raises(AuthorityUnavailable) as failed:
        await ask(Route(company.proxy, company.ca))
    assert not isinstance(failed.value, AuthorityAmbiguous)


@pytest.mark.parametrize(
    ("environment", "setting", "url", "proxy"),
    [
        ({}, None, URL, None),
        ({"HTTPS_PROXY": PROXY}, None, URL, PROXY),
        ({"https_proxy": PROXY}, None, URL, PROXY),
        ({"ALL_PROXY": PROXY}, None, URL, PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, None, URL, PROXY),
        ({"HTTP_PROXY": PROXY}, None, URL, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "authority.example"}, None, URL, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": ".example"}, None, URL, None),
        ({"HTTPS_PROXY": PROXY}, "", URL, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, "http://other.example:8080", URL, "http://other.example:8080"),
        ({"HTTPS_PROXY": PROXY}, None, "http://127.0.0.1:8000/", None),
        ({}, PROXY, "http://localhost:8000/", None),
    ],
)
def test_which_proxy_a_call_goes_through(
    environment: dict[str, str], setting: str | None, url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Route(setting).proxy_of(url) == proxy


@pytest.mark.parametrize("proxy", ["proxy", "ftp://proxy.example", "http://proxy.example:99999", "http://", "http://["])
def test_a_proxy_that_is_none_is_said_at_the_start(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="no URL of a proxy"):
        Route(proxy)
    if "://" in proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(SettingsError, match="HTTPS_PROXY in the environment is no URL of a proxy"):
            Route().proxy_of(URL)


@pytest.mark.parametrize("url", ["https://h:99999/x", "https://h:0/x", "https://[/x", "https://h:port/x", "https://"])
def test_an_endpoint_without_a_place_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="no https URL"):
        checked_url(url)


def test_a_password_in_the_settings_and_unfit_authorities_are_refused_without_quoting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name and password") as refused:
        Route("http://" + "anna:secret" + "@proxy.example:3128")
    assert "secret" not in str(refused.value)
    (tmp_path / "rubbish.pem").write_text("rubbish")
    for path in (tmp_path / "none.pem", tmp_path / "rubbish.pem", tmp_path):
        with pytest.raises(SettingsError, match="name a PEM file"):
            Route(ca=path)


@pytest.mark.parametrize("kind", ["onss-soap", "onss-rest"])
def test_every_service_has_both_settings_and_ca_counts_from_the_settings_file(kind: str, tmp_path: Path) -> None:
    table = {"kind": kind, "endpoint": "http://127.0.0.1:9/x", "proxy": PROXY, "ca": "company.pem"}
    if kind == "onss-rest":
        table |= {"token_endpoint": "http://127.0.0.1:9/t", "client_id": "c", "key": "k.pem"}
    read = kinds.read(table).anchored(tmp_path)
    assert read.model_dump()["proxy"] == PROXY
    assert read.model_dump()["ca"] == tmp_path / "company.pem"
