"""Maps the service's SOAP faults; failures of every service are in `failures`.

| what came back | a call that changes something | a call that reads |
|---|---|---|
| SOA-01001 and 01002 (not authenticated, not authorised) | unavailable, retry useless | the same |
| SOA-0300x (the message is not what it must be) | rejected | rejected |
| SOA-02002, or any other fault that says Retry = true | ambiguous, away | unavailable, retry |
| SOA-02001 (not available) | ambiguous, away | unavailable, retry useless |
| BusinessError, SOAP's own Client, VersionMismatch and MustUnderstand | ambiguous, turned down | rejected |
| any other SOAP fault (SOA-00001: a service error in the middle of the work) | ambiguous | unavailable |

By the service's specification, the first two rows are detected before a message is processed. For the others it does
not state that nothing was registered, so nothing is sent again before a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml import etree

from badgeclock.authorities.errors import AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.authorities.failures import UNTOUCHED, Call, doubtful, lost, plain
from badgeclock.authorities.soap import ENVELOPE
from badgeclock.errors import AuthorityError
from badgeclock.onss.description import FAULTS

_TEMPORARILY_UNAVAILABLE: Final = "SOA-02002"
_UNAVAILABLE: Final = "SOA-02001"
_NOT_ADMITTED: Final = ("SOA-01001", "SOA-01002")
_BAD_MESSAGE: Final = "SOA-0300"


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault. `kind` is SystemError, BusinessError or empty; `code` the service's code, or SOAP's own."""

    kind: str
    code: str
    message: str
    retry: bool | None


def read_fault(element: etree._Element) -> Fault:
    """A soap:Fault element; whatever it lacks stays empty."""
    detail = element.find("detail")
    if detail is not None:
        for kind in ("SystemError", "BusinessError"):
            found = detail.find(f"{{{FAULTS}}}{kind}")
            if found is not None:
                messages = [plain(message.text or "") for message in found.findall(f"{{{FAULTS}}}Message")]
                return Fault(
                    kind=kind,
                    code=plain(found.findtext(f"{{{FAULTS}}}Code", "")),
                    message=plain(" / ".join(messages)),
                    retry=_RETRY.get(found.findtext(f"{{{FAULTS}}}Retry", "").strip()),
                )
    return Fault(
        kind="",
        code=plain(element.findtext("faultcode", "")).rpartition(":")[2],
        message=plain(element.findtext("faultstring", "")),
        retry=None,
    )


def is_fault(element: etree._Element) -> bool:
    """Whether a body element is a SOAP fault."""
    return element.tag == f"{{{ENVELOPE}}}Fault"


def fault_error(call: Call, fault: Fault, retry_after: float | None, apart: str = "") -> AuthorityError:
    """What a SOAP fault means for a call. `apart` is a text on the difference between both sides' clocks, if large."""
    what = f"{call.name}: the service answered {fault.code or 'a fault'} ({fault.message or 'no message'})"
    if fault.code in _NOT_ADMITTED:
        return AuthorityUnavailable(
            what=what,
            kept=UNTOUCHED,
            do=f"check the certificate that the bridge shows and its registration at the authority's portal{apart}",
            retry=False,
            retry_after=retry_after,
        )
    if fault.code.startswith(_BAD_MESSAGE):
        return AuthorityRejected(
            what=what, kept=UNTOUCHED, do="look at the items and at the service's description in use", code=fault.code
        )
    again = fault.retry or fault.code == _TEMPORARILY_UNAVAILABLE
    turned_down = fault.kind == "BusinessError" or fault.code in _SOAP_REFUSALS
    if call.changes:
        doubt = Doubt.LOST
        if again or fault.code == _UNAVAILABLE:
            doubt = Doubt.AWAY
        elif turned_down:
            doubt = Doubt.TURNED_DOWN
        return doubtful(what, doubt, fault.code, retry_after)
    if again or fault.code == _UNAVAILABLE:
        return AuthorityUnavailable(
            what=what,
            kept=UNTOUCHED,
            do="nothing; it is tried again"
            if again
            else "look for the authority's notice of maintenance; retrying soon is useless, it says",
            retry=bool(again),
            retry_after=retry_after,
        )
    if turned_down:
        return AuthorityRejected(
            what=what, kept=UNTOUCHED, do="look at the items and at the service's description in use", code=fault.code
        )
    return lost(call, what, fault.code)


_RETRY: Final = {"true": True, "1": True, "false": False, "0": False}
_SOAP_REFUSALS: Final = frozenset({"Client", "VersionMismatch", "MustUnderstand"})
