"""Errors of calls to an authority: three kinds that a caller handles, and why an answer failed."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from badgeclock import errors


class AuthorityUnavailable(errors.AuthorityError):
    """Certainly nothing was processed: not connected, the authority says so, or a reading call went unanswered.

    retry        True: the service asks to try again; False: it says that retrying soon is useless; None: unknown
    retry_after  seconds to wait at least, if the service named them
    """

    exit_code = errors.EXIT_TRY_LATER

    def __init__(
        self, *, what: str, kept: str, do: str, retry: bool | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(what=what, kept=kept, do=do)
        self.retry = retry
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        fields = {"what": self.what, "kept": self.kept, "do": self.do}
        return (partial(AuthorityUnavailable, **fields, retry=self.retry, retry_after=self.retry_after), ())


class Doubt(StrEnum):
    """Why the effect of a call is unknown, where that decides what to do besides searching."""

    LOST = "the answer was lost, or is none"
    AWAY = "turned away for now, without the authority's word that nothing was registered"
    NOT_ADMITTED = "not let in, or not the service"
    TOO_LARGE = "too large for a proxy before the service"
    TURNED_DOWN = "turned down, without the authority's word that nothing was registered"
    UNPROVED = "it does not bear the signature that the service's answers must bear"


class AuthorityAmbiguous(errors.AuthorityError):
    """The answer does not show what the authority did, or has: search before sending anything again.

    code         the answer, fit for a log: "HTTP-503", "SOA-02002"; empty without an answer
    retry_after  seconds to wait at least, if given
    """

    exit_code = errors.EXIT_TRY_LATER

    def __init__(
        self,
        *,
        what: str,
        kept: str,
        do: str,
        doubt: Doubt = Doubt.LOST,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what=what, kept=kept, do=do)
        self.doubt = doubt
        self.code = code
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        fields = {"what": self.what, "kept": self.kept, "do": self.do, "code": self.code}
        return (partial(AuthorityAmbiguous, **fields, doubt=self.doubt, retry_after=self.retry_after), ())


class AuthorityRejected(errors.AuthorityError):
    """The whole call was rejected and nothing of it was processed; the same call would be rejected again.

    code        the authority's code (as "SOA-03006"), or "LOCAL" when the items do not fit its format and were not sent
    references  the items to blame, where that is known: without them the rest can be sent
    """

    def __init__(self, *, what: str, kept: str, do: str, code: str, references: tuple[str, ...] = ()) -> None:
        super().__init__(what=what, kept=kept, do=do)
        self.code = code
        self.references = references

    def __reduce__(self) -> tuple[object, ...]:
        fields = {"what": self.what, "kept": self.kept, "do": self.do}
        return (partial(AuthorityRejected, **fields, code=self.code, references=self.references), ())


class AnswerMalformed(ValueError):
    """An answer that violates the service's specification, or does not fit the request.

    The text quotes nothing of it. The call's own code makes it an AuthorityAmbiguous or AuthorityUnavailable.
    """


class Flaw(StrEnum):
    """Why bytes are not a SOAP 1.1 message."""

    TOO_LARGE = "larger than allowed"
    NOT_XML = "not well-formed XML"
    DOCTYPE = "XML with a document type declaration, which SOAP forbids"
    NOT_SOAP = "XML, but no SOAP 1.1 envelope with one body element"


class NotSoap(ValueError):
    """Bytes that are not a SOAP 1.1 message; the text never quotes them."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


class Unsound(StrEnum):
    """Why a message does not count as signed."""

    NO_SIGNATURE = "it bears no signature"
    FORM = "its security header is not formed as WS-Security requires"
    ALGORITHM = "its signature uses other algorithms than the algorithm suite in the settings allows"
    NOT_COVERED = "its signature does not cover what it must"
    UNTRUSTED = "its certificate is not one that is trusted"
    BROKEN = "its signature does not fit its content"
    STALE = "its timestamp is too old or in the future; compare the clocks of both sides"


class NotTrusted(ValueError):
    """A message that does not count as signed; the text quotes nothing of it."""

    def __init__(self, flaw: Unsound) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
