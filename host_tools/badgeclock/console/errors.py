"""The console's exceptions; its pages show them to people."""

from __future__ import annotations

from badgeclock.errors import BadgeclockError


class ConsoleError(BadgeclockError):
    """An error of the console."""


class ActRefused(ConsoleError):
    """The bridge refused an act, with its reason; `kind` is the class of its own error."""

    def __init__(self, kind: str, *, what: str, kept: str, do: str) -> None:
        self.kind = kind
        super().__init__(what=what, kept=kept, do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (_refused_again, (self.kind, self.what, self.kept, self.do))


class NotForThisRole(ConsoleError):
    """A page for which the account's role has no right."""


class ProviderRefused(Exception):
    """The organisation's provider gave an answer that is not accepted; `why` is for the log, without personal data."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class ProviderAway(ProviderRefused):
    """The provider could not be reached."""


class BridgeSilent(ConsoleError):
    """The bridge did not answer in time."""


def _refused_again(kind: str, what: str, kept: str, do: str) -> ActRefused:
    return ActRefused(kind, what=what, kept=kept, do=do)
