"""The text of a letter in Dutch, French, German and English: a subject, and a body with a link to the operators' pages.

A letter's data are the same for all recipients (`book`); here they become text. It names sites, clocks and
certificates, but no person: the page names them, for those who may see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.notices.titles import TITLES

LANGUAGES: Final = ("nl", "fr", "de", "en")
SUBJECT_MOST: Final = 160

_LINES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "unregistered": (
        "aanwezig zonder nummer: {number}",
        "présents sans numéro : {number}",
        "anwesend ohne Nummer: {number}",
        "there without a number: {number}",
    ),
    "absent": (
        "verwacht en niet gekomen: {number}",
        "attendus et pas venus : {number}",
        "erwartet und nicht gekommen: {number}",
        "expected and not come: {number}",
    ),
    "refused": (
        "geweigerd door de RSZ: {number}",
        "refusé par l'ONSS : {number}",
        "vom LSS abgelehnt: {number}",
        "refused by the NSSO: {number}",
    ),
    "unknown_badge": (
        "badge die aan niemand is gegeven: {number}",
        "badge attribué à personne : {number}",
        "Badge, den niemand bekommen hat: {number}",
        "badge that nobody was given: {number}",
    ),
    "clock_offline": ("klok offline", "pointeuse hors ligne", "Uhr offline", "clock offline"),
    "clock_silent": (
        "klok laat niets van zich horen",
        "pointeuse muette",
        "Uhr meldet sich nicht",
        "clock says nothing",
    ),
    "clock_full": (
        "geheugen van de klok bijna vol",
        "mémoire de la pointeuse presque pleine",
        "Speicher der Uhr fast voll",
        "the clock's memory is nearly full",
    ),
    "certificate": (
        "{holder} ({item}) eindigt over {days} dagen",
        "{holder} ({item}) expire dans {days} jours",
        "{holder} ({item}) endet in {days} Tagen",
        "{holder} ({item}) ends in {days} days",
    ),
    "certificate_ended": (
        "{holder} ({item}) is verlopen",
        "{holder} ({item}) a expiré",
        "{holder} ({item}) ist abgelaufen",
        "{holder} ({item}) has ended",
    ),
    "waits": (
        "te doen ({name}): {number}",
        "à faire ({name}) : {number}",
        "zu tun ({name}): {number}",
        "to do ({name}): {number}",
    ),
    "more": ("en nog {number}", "et encore {number}", "und noch {number}", "and {number} more"),
}
_TROUBLES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "broker": (
        "de bridge bereikt de broker niet: geen registratie komt binnen",
        "le bridge n'atteint pas le broker : aucun pointage n'arrive",
        "die Bridge erreicht den Broker nicht: keine Buchung kommt an",
        "the bridge does not reach the broker: no punch comes in",
    ),
    "disk": (
        "de schijf van de bridge is bijna vol",
        "le disque du bridge est presque plein",
        "die Platte der Bridge ist fast voll",
        "the bridge's disk is nearly full",
    ),
    "intake": (
        "er komt meer binnen dan de bridge verwerkt",
        "le bridge reçoit plus qu'il ne traite",
        "es kommt mehr an, als die Bridge verarbeitet",
        "more comes in than the bridge takes",
    ),
    "authority_away": (
        "de RSZ antwoordt niet",
        "l'ONSS ne répond pas",
        "das LSS antwortet nicht",
        "the NSSO does not answer",
    ),
}
_HOLDERS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "bridge": (
        "certificaat van de bridge",
        "certificat du bridge",
        "Zertifikat der Bridge",
        "the bridge's certificate",
    ),
    "site_authority": (
        "certificatieautoriteit van de werf",
        "autorité de certification du chantier",
        "Zertifizierungsstelle der Baustelle",
        "the site's certificate authority",
    ),
    "authority": (
        "certificaat voor de RSZ",
        "certificat pour l'ONSS",
        "Zertifikat für das LSS",
        "the certificate for the NSSO",
    ),
    "console": (
        "certificaat van de console",
        "certificat de la console",
        "Zertifikat der Konsole",
        "the console's certificate",
    ),
    "clock": (
        "certificaat van de klok",
        "certificat de la pointeuse",
        "Zertifikat der Uhr",
        "the clock's certificate",
    ),
    "token": (
        "token van een planningstool",
        "jeton d'un outil de planning",
        "Token eines Planungswerkzeugs",
        "a planning tool's token",
    ),
}
_FRAME: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "over": ("voorbij", "terminé", "vorbei", "over"),
    "summary": (
        "Wat er op {day} nog te doen is",
        "Ce qui reste à faire le {day}",
        "Was am {day} noch zu tun ist",
        "What is left to do on {day}",
    ),
    "test": (
        "Proef: berichten komen hier aan",
        "Essai : les messages arrivent ici",
        "Probe: Meldungen kommen hier an",
        "A test: notices arrive here",
    ),
    "more_in_subject": ("en nog {number}", "et {number} autres", "und {number} weitere", "and {number} more"),
    "at": ("Stand van {at}", "Situation à {at}", "Stand von {at}", "As of {at}"),
    "see": ("Bekijken", "À voir", "Ansehen", "See"),
}


def subject(body: Mapping[str, Any], language: str) -> str:
    """One line of at most SUBJECT_MOST characters."""
    kind = body["kind"]
    if kind == "test":
        return f"Badgeclock: {_say(_FRAME['test'], language)}"
    if kind == "summary":
        return f"Badgeclock: {_say(_FRAME['summary'], language).format(day=body['day'])}"
    lines = _all_lines(body, language)
    first = lines[0]
    more = f" ({_say(_FRAME['more_in_subject'], language).format(number=len(lines) - 1)})" if len(lines) > 1 else ""
    return f"Badgeclock: {first[: SUBJECT_MOST - 13 - len(more)]}{more}"


def text(body: Mapping[str, Any], language: str, console_url: str) -> str:
    """The whole letter as plain text."""
    at = datetime.fromtimestamp(body["made_ms"] / 1000, BELGIUM).strftime("%Y-%m-%d %H:%M")
    if body["kind"] == "test":
        lines = [_say(_FRAME["test"], language) + "."]
    else:
        lines = [f"- {line}" for line in _all_lines(body, language)]
        if body["kind"] == "summary":
            lines = [_say(_FRAME["summary"], language).format(day=body["day"]) + ":", "", *lines]
    lines += ["", _say(_FRAME["at"], language).format(at=at)]
    if console_url:
        lines.append(f"{_say(_FRAME['see'], language)}: {link(body, console_url)}")
    return "\n".join(lines) + "\n"


def link(body: Mapping[str, Any], console_url: str) -> str:
    """The page with the details: that of the single item if there is only one, else the list, or today's people."""
    base = console_url.rstrip("/")
    new: Sequence[Mapping[str, Any]] = body.get("new", ())
    if len(new) == 1 and new[0]["number"] == 1 and new[0]["items"] and new[0]["kind"] != "certificate":
        return f"{base}/attention/{quote(new[0]['name'])}/{quote(new[0]['items'][0])}"
    if new and all(line["kind"] in ("unregistered", "absent") for line in new):
        return f"{base}/"
    return f"{base}/attention"


def _all_lines(body: Mapping[str, Any], language: str) -> list[str]:
    over = _say(_FRAME["over"], language)
    return [_line(one, language) for one in body["new"]] + [f"{over}: {_line(one, language)}" for one in body["over"]]


def _line(one: Mapping[str, Any], language: str) -> str:
    kind, name = one["kind"], one["name"]
    if kind == "bridge":
        said = _say(_TROUBLES[name], language)
    elif kind == "certificate":
        ended = one["days"] is not None and one["days"] < 0
        form = _LINES["certificate_ended" if ended else kind]
        holder = _say(_HOLDERS[name], language)
        said = _say(form, language).format(holder=holder, item=", ".join(one["items"]), days=one["days"])
    else:
        form_said = _say(_LINES[kind], language)
        said = form_said.format(number=one["number"], name=_title(name, language) if kind == "waits" else name)
        said += f": {one['number']}" if one["number"] > 1 and "{number}" not in form_said else ""
    where = ", ".join(dict.fromkeys(part for part in (one["site"], one["clock"]) if part))
    return f"{where}: {said}" if where and kind != "certificate" else said


def _title(reason: str, language: str) -> str:
    """What a reason of the list is called; itself, if another version wrote it."""
    return _say(TITLES[reason], language) if reason in TITLES else reason


def _say(texts: tuple[str, str, str, str], language: str) -> str:
    return texts[LANGUAGES.index(language)]
