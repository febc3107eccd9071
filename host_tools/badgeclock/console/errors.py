"""The console's exceptions; its pages show them to people."""

from __future__ import annotations

from badgeclock.errors import BadgeclockError


class ConsoleError(BadgeclockError):
    """Something that the console cannot do."""


class ActRefused(ConsoleError):
    """The bridge did not do what was asked, and says why; `kind` is the class of its own error."""

    def __init__(self, kind: str, *, what: str, kept: str, do: str) -> None:
        self.kind = kind
        super().__init__(what=what, kept=kept, do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (_refused_again, (self.kind, self.what, self.kept, self.do))


class NotForThisRole(ConsoleError):
    """A page that the account's role has no right to."""


class ProviderRefused(Exception):
    """What the organisation's provider said is not accepted; `why` is for the log, and has nothing of anybody's."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class ProviderAway(ProviderRefused):
    """The provider could not be asked."""


class BridgeSilent(ConsoleError):
    """The bridge was asked, and has not answered."""


def _refused_again(kind: str, what: str, kept: str, do: str) -> ActRefused:
    return ActRefused(kind, what=what, kept=kept, do=do)
