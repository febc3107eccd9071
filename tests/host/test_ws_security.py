"""A signature proves what it covers: valid messages, and every way in which one must be rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.presences import SOAP, in_envelope
from zeep.wsse.signature import verify_envelope

from badgeclock.authorities import credentials, ws_security
from badgeclock.authorities.errors import NotSoap, NotTrusted, Unsound
from badgeclock.authorities.onss_soap_settings import AlgorithmSuite
from badgeclock.authorities.soap import parse_envelope
from badgeclock.authorities.ws_security import SIGNATURE, UTILITY, Policy
from badgeclock.errors import SettingsError
from badgeclock.sandbox import envelope
from badgeclock.sandbox import ws_security as sandbox_ws_security
from badgeclock.sandbox.credentials import Keys, kept_in
from badgeclock.sandbox.errors import NotAuthenticated, TurnedDown

NOW = datetime.now(UTC)
BODY = '<m:Ask xmlns:m="urn:m"><m:Who>anna</m:Who><m:When>2026-03-02</m:When></m:Ask>'
LIMIT = 100_000


@pytest.fixture(scope="module")
def keys(sandbox_keys: Path) -> Keys:
    return kept_in(sandbox_keys)


@pytest.fixture(scope="module")
def message(keys: Keys) -> bytes:
    signed = parse_envelope(in_envelope(BODY), LIMIT)
    ws_security.sign(signed, keys.client, NOW)
    return etree.tostring(signed)


def verified(
    message: bytes, *trusted: x509.Certificate, now: datetime = NOW, policy: Policy = ws_security.STRICT
) -> x509.Certificate:
    def signers(_: x509.Certificate | None) -> Sequence[x509.Certificate]:
        return trusted

    return ws_security.verify(parse_envelope(message, LIMIT), now, signers, policy)


def flaw_of(
    message: bytes, *trusted: x509.Certificate, now: datetime = NOW, policy: Policy = ws_security.STRICT
) -> Unsound:
    with pytest.raises(NotTrusted) as refused:
        verified(message, *trusted, now=now, policy=policy)
    assert "anna" not in str(refused.value)
    return refused.value.flaw


def test_what_was_signed_verifies_and_says_by_whom(keys: Keys, message: bytes) -> None:
    assert verified(message, keys.client.certificate) == keys.client.certificate
    assert verified(message, keys.service.certificate, keys.client.certificate) == keys.client.certificate


def test_another_implementation_verifies_it(sandbox_keys: Path, message: bytes) -> None:
    verify_envelope(etree.fromstring(message), str(sandbox_keys / "client.pem"))


def test_the_certificate_in_the_message_is_what_the_caller_is_asked_about(keys: Keys, message: bytes) -> None:
    asked = []

    def signers(shown: x509.Certificate | None) -> list[x509.Certificate]:
        asked.append(shown)
        return []

    with pytest.raises(NotTrusted):
        ws_security.verify(parse_envelope(message, LIMIT), NOW, signers)
    assert asked == [keys.client.certificate]


def test_nothing_verifies_with_a_key_that_did_not_sign(keys: Keys, message: bytes) -> None:
    assert flaw_of(message, keys.service.certificate) is Unsound.BROKEN
    assert flaw_of(message) is Unsound.UNTRUSTED


def test_an_unsigned_message_is_told_apart(keys: Keys) -> None:
    assert flaw_of(in_envelope(BODY), keys.client.certificate) is Unsound.NO_SIGNATURE


@pytest.mark.parametrize(
    ("away", "flaw"),
    [
        (timedelta(0), None),
        (timedelta(minutes=6, seconds=50), None),
        (timedelta(minutes=-1, seconds=-50), None),
        (timedelta(minutes=7, seconds=10), Unsound.STALE),
        (timedelta(minutes=-2, seconds=-10), Unsound.STALE),
        (timedelta(days=800), Unsound.STALE),
    ],
    ids=str,
)
def test_a_signature_counts_for_minutes_and_clocks_may_differ_a_little(
    keys: Keys, message: bytes, away: timedelta, flaw: Unsound | None
) -> None:
    if flaw is None:
        verified(message, keys.client.certificate, now=NOW + away)
    else:
        assert flaw_of(message, keys.client.certificate, now=NOW + away) is flaw


@pytest.mark.parametrize("suite", list(AlgorithmSuite))
def test_what_says_itself_that_it_holds_for_years_counts_for_minutes(
    keys: Keys, suite: AlgorithmSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws_security, "LIFETIME", timedelta(days=4000))
    message = signed(keys, suite)
    monkeypatch.undo()
    policy = ws_security.answers_under(suite)
    assert verified(message, keys.client.certificate, policy=policy) == keys.client.certificate
    for away in (timedelta(minutes=8), timedelta(days=3)):
        assert flaw_of(message, keys.client.certificate, now=NOW + away, policy=policy) is Unsound.STALE


@pytest.mark.parametrize("suite", list(AlgorithmSuite))
@pytest.mark.parametrize("allowed", list(AlgorithmSuite))
def test_an_answer_may_have_the_algorithms_of_the_suite_in_the_settings_and_stronger_ones(
    keys: Keys, suite: AlgorithmSuite, allowed: AlgorithmSuite
) -> None:
    order = list(AlgorithmSuite)  # each allows less than the one after it
    message = signed(keys, suite)
    policy = ws_security.answers_under(allowed)
    if order.index(suite) <= order.index(allowed):
        assert verified(message, keys.client.certificate, policy=policy) == keys.client.certificate
    else:
        assert flaw_of(message, keys.client.certificate, policy=policy) is Unsound.ALGORITHM


def test_an_answer_may_leave_its_certificate_unsigned_and_sign_a_header_more(keys: Keys) -> None:
    """The service's policy is one for requests; of an answer whose signer is known this decides nothing."""
    for message in (signed(keys, leave=("X509",)), signed(keys, add=True), signed(keys, leave=("X509",), add=True)):
        assert verified(message, keys.client.certificate, policy=ANSWERS) == keys.client.certificate
        assert flaw_of(message, keys.client.certificate) in (Unsound.NOT_COVERED, Unsound.FORM)


def test_an_answer_signs_its_body_and_its_time_whatever_else_it_signs(keys: Keys) -> None:
    for left in ("B", "TS"):
        message = signed(keys, leave=(left,), add=True)
        assert flaw_of(message, keys.client.certificate, policy=ANSWERS) is Unsound.NOT_COVERED


ANSWERS = ws_security.answers_under(AlgorithmSuite.BASIC256_SHA256)


def signed(
    keys: Keys,
    suite: AlgorithmSuite = AlgorithmSuite.BASIC256_SHA256,
    leave: Sequence[str] = (),
    *,
    add: bool = False,
) -> bytes:
    """A message that signs its body, time and certificate but for what is left out, and a whole header more."""
    header = f'<h:To xmlns:h="urn:h" xmlns:u="{UTILITY}" u:Id="to">here</h:To>' if add else ""
    text = f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{header}</s:Header><s:Body>{BODY}</s:Body></s:Envelope>'
    envelope = parse_envelope(text.encode(), LIMIT)
    ws_security.sign(envelope, keys.client, NOW, suite)
    info = next(envelope.iter(f"{{{SIGNATURE}}}SignedInfo"))
    for reference in info.findall(f"{{{SIGNATURE}}}Reference"):
        if (reference.get("URI") or "").removeprefix("#").split("-")[0] in leave:
            info.remove(reference)
    signature = info.getparent()
    assert signature is not None
    if add:
        reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha256, uri="#to")
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    if leave or add:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(keys.client.key_pem, xmlsec.constants.KeyDataFormatPem)
        for element in envelope.iter():
            if element.get(f"{{{UTILITY}}}Id"):
                context.register_id(element, "Id", UTILITY)
        context.sign(signature)
    return etree.tostring(envelope)


def body_of(root: etree._Element) -> etree._Element:
    [body] = root.findall(f"{{{SOAP}}}Body")
    return body


def security_of(root: etree._Element) -> etree._Element:
    return root[0][0]


def change_body(root: etree._Element) -> None:
    body_of(root)[0][0].text = "bram"


def add_to_body(root: etree._Element) -> None:
    etree.SubElement(body_of(root)[0], "{urn:m}More")


def change_time(root: etree._Element) -> None:
    security_of(root)[1][1].text = "2099-01-01T00:00:00Z"


def change_certificate(root: etree._Element) -> None:
    security_of(root)[0].text = "MAA="


def wrap_body(root: etree._Element) -> None:
    """The signed body goes where nobody reads it; another takes its place."""
    signed = body_of(root)
    hiding = etree.SubElement(root[0], "{urn:x}Old")
    hiding.append(signed)
    fresh = etree.SubElement(root, f"{{{SOAP}}}Body")
    etree.SubElement(fresh, "{urn:m}Ask").text = "bram"


def wrap_body_with_its_id(root: etree._Element) -> None:
    wrap_body(root)
    body_of(root).set(f"{{{UTILITY}}}Id", root[0][1][0].get(f"{{{UTILITY}}}Id") or "")


def second_body(root: etree._Element) -> None:
    root.append(etree.fromstring(f'<s:Body xmlns:s="{SOAP}"/>'))


def second_security(root: etree._Element) -> None:
    root[0].append(etree.fromstring(etree.tostring(security_of(root))))


def drop_timestamp(root: etree._Element) -> None:
    security_of(root).remove(security_of(root)[1])


def drop_certificate(root: etree._Element) -> None:
    security_of(root).remove(security_of(root)[0])


def drop_reference(place: int) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        references = list(root.iter(f"{{{SIGNATURE}}}Reference"))
        references[place].getparent().remove(references[place])  # type: ignore[union-attr]

    return change


def use(tag: str, algorithm: str) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        next(root.iter(f"{{{SIGNATURE}}}{tag}")).set("Algorithm", algorithm)

    return change


def strange_reference(root: etree._Element) -> None:
    next(root.iter(f"{{{SIGNATURE}}}Reference")).set("URI", "http://127.0.0.1:9/")


def no_value(root: etree._Element) -> None:
    next(root.iter(f"{{{SIGNATURE}}}SignatureValue")).text = ""


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (change_body, Unsound.BROKEN),
        (add_to_body, Unsound.BROKEN),
        (change_time, Unsound.BROKEN),
        (change_certificate, Unsound.FORM),
        (wrap_body, Unsound.NOT_COVERED),
        (wrap_body_with_its_id, Unsound.FORM),
        (second_body, Unsound.FORM),
        (second_security, Unsound.FORM),
        (drop_timestamp, Unsound.FORM),
        (drop_certificate, Unsound.FORM),
        (drop_reference(0), Unsound.NOT_COVERED),
        (drop_reference(1), Unsound.NOT_COVERED),
        (drop_reference(2), Unsound.NOT_COVERED),
        (use("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), Unsound.ALGORITHM),
        (use("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), Unsound.ALGORITHM),
        (use("DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1"), Unsound.ALGORITHM),
        (use("Transform", "http://www.w3.org/TR/1999/REC-xslt-19991116"), Unsound.ALGORITHM),
        (use("CanonicalizationMethod", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"), Unsound.ALGORITHM),
        (strange_reference, Unsound.NOT_COVERED),
        (no_value, Unsound.BROKEN),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_message_that_was_tampered_with_does_not_count(
    keys: Keys, message: bytes, change: Callable[[etree._Element], None], flaw: Unsound
) -> None:
    root = etree.fromstring(message)
    change(root)
    assert flaw_of(etree.tostring(root), keys.client.certificate) is flaw
    with pytest.raises((NotAuthenticated, TurnedDown)) as refused:
        checked_by_the_sandbox(etree.tostring(root), keys.client.certificate)
    assert "anna" not in str(refused.value)


def checked_by_the_sandbox(message: bytes, *trusted: x509.Certificate, now: datetime = NOW) -> x509.Certificate:
    root = envelope.parse(message, LIMIT)
    envelope.body_element(root)
    return sandbox_ws_security.check(root, now, lambda _: trusted, sandbox_ws_security.Seen())


def test_what_the_client_signs_the_sandbox_takes_and_the_other_way_round(keys: Keys, message: bytes) -> None:
    assert checked_by_the_sandbox(message, keys.client.certificate) == keys.client.certificate
    answer = envelope.parse(in_envelope(BODY), LIMIT)
    sandbox_ws_security.sign(answer, keys.service, NOW)
    sent = etree.tostring(answer)
    assert verified(sent, keys.service.certificate) == keys.service.certificate
    assert checked_by_the_sandbox(sent, keys.service.certificate) == keys.service.certificate


@pytest.mark.parametrize(("away", "counts"), [(6, True), (-1, True), (8, False), (-3, False)])
def test_the_sandbox_looks_at_the_time_of_a_signature(keys: Keys, message: bytes, away: int, *, counts: bool) -> None:
    now = NOW + timedelta(minutes=away)
    if counts:
        checked_by_the_sandbox(message, keys.client.certificate, now=now)
    else:
        with pytest.raises(NotAuthenticated, match="timestamp"):
            checked_by_the_sandbox(message, keys.client.certificate, now=now)


def test_the_sandbox_takes_a_message_once_while_it_holds(keys: Keys, message: bytes) -> None:
    seen = sandbox_ws_security.Seen()

    def check(now: datetime) -> None:
        root = etree.fromstring(message)
        sandbox_ws_security.check(root, now, lambda _: [keys.client.certificate], seen)

    check(NOW)
    for later in (NOW, NOW + sandbox_ws_security.HOLDS + sandbox_ws_security.APART - timedelta(seconds=1)):
        with pytest.raises(NotAuthenticated, match="sent before"):
            check(later)
    again = parse_envelope(in_envelope(BODY), LIMIT)
    ws_security.sign(again, keys.client, NOW)
    sent = etree.fromstring(etree.tostring(again))
    sandbox_ws_security.check(sent, NOW, lambda _: [keys.client.certificate], seen)


def test_what_the_sandbox_remembers_of_messages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_ws_security, "SEEN_MOST", 2)
    seen, minute = sandbox_ws_security.Seen(), timedelta(minutes=1)
    seen.add(b"1", NOW + minute, NOW)
    seen.add(b"2", NOW + 3 * minute, NOW)
    with pytest.raises(NotAuthenticated):
        seen.add(b"3", NOW + minute, NOW)
    seen.add(b"3", NOW + 4 * minute, NOW + 2 * minute)
    with pytest.raises(NotAuthenticated):
        seen.add(b"2", NOW + 4 * minute, NOW + 2 * minute)


def test_the_sandbox_takes_no_key_that_did_not_sign(keys: Keys, message: bytes) -> None:
    for trusted in ((), (keys.service.certificate,)):
        with pytest.raises(NotAuthenticated, match="not trusted"):
            checked_by_the_sandbox(message, *trusted)
    with pytest.raises(NotAuthenticated):
        checked_by_the_sandbox(in_envelope(BODY), keys.client.certificate)


@given(place=st.integers(0, 10_000), put=st.binary(max_size=4), cut=st.integers(0, 4))
@settings(deadline=None, max_examples=200)
def test_what_still_verifies_after_damage_says_the_same(
    keys: Keys, message: bytes, place: int, put: bytes, cut: int
) -> None:
    place %= len(message)
    damaged = message[:place] + put + message[place + cut :]
    try:
        verified(damaged, keys.client.certificate)
    except (NotSoap, NotTrusted):
        with pytest.raises((NotAuthenticated, TurnedDown)):
            checked_by_the_sandbox(damaged, keys.client.certificate)
        return

    def said(text: bytes) -> bytes:
        return etree.tostring(body_of(parse_envelope(text, LIMIT)), method="c14n", exclusive=True)

    assert said(damaged) == said(message)


def test_both_libraries_hold_the_same_libxml2() -> None:
    assert xmlsec.get_libxml_version() == etree.LIBXML_VERSION


# Keys


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, word: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(word) if word else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("absent", "cannot be read"),
        ("open", "chmod o="),
        ("garbage", "no private key"),
        ("locked", "without passphrase"),
        ("curve", "no RSA key"),
        ("other", "does not belong"),
        ("no certificate", "no certificate"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_at_the_start(
    sandbox_keys: Path, keys: Keys, tmp_path: Path, wrong: str, said: str
) -> None:
    certificate, key = sandbox_keys / "client.pem", tmp_path / "key.pem"
    match wrong:
        case "open":
            write(key, keys.client.key_pem, 0o604)
        case "garbage":
            write(key, b"garbage")
        case "locked":
            write(key, pem(keys.client.key, b"word"))
        case "curve":
            write(key, pem(ec.generate_private_key(ec.SECP256R1())))
        case "other":
            write(key, keys.service.key_pem)
        case "no certificate":
            certificate = write(tmp_path / "certificate.pem", b"garbage")
            write(key, keys.client.key_pem)
    with pytest.raises(SettingsError, match=said) as refused:
        credentials.load(certificate, key)
    assert "PRIVATE" not in str(refused.value)


def test_no_key_is_in_a_repr(sandbox_keys: Path, keys: Keys) -> None:
    assert "PRIVATE" not in repr(keys)
    assert "PRIVATE" not in repr(credentials.load(sandbox_keys / "client.pem", sandbox_keys / "client.key"))
