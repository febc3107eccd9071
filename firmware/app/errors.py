"""Every error the firmware raises on purpose. The text says what happened, what was kept and what to do next."""


class ClockError(Exception):
    """Root of the clock's errors."""


class SettingsError(ClockError):
    """A settings or secrets file is missing or says something the clock cannot do."""


class JournalFull(ClockError):
    """No record fits: the bridge has not acknowledged enough. Nothing was written; the log goes on once it has."""


class JournalRetired(JournalFull):
    """The log has ended with RETIRE: no record fits ever again. What it kept is kept, and still sent."""


class JournalError(ClockError):
    """The journal cannot be used as asked. `unsent` is the number of records that stand in the way, if that is why."""

    def __init__(self, text, unsent=0):
        super().__init__(text)
        self.unsent = unsent


class KeyStoreError(ClockError):
    """A key slot could not be programmed. The record before it is whole; a restart takes it up."""


class FrameError(ClockError):
    """A frame that this clock's key, session or counter refuses."""


class LinkError(ClockError):
    """The link to the broker ended or never came up."""
