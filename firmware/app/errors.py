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
    """The link to the broker ended or never came up: (category, detail), of which the uplink counts the category.

    address      none was found for the broker's name
    connect      TCP: refused, unreachable, or no answer in time
    tls          the handshake failed or did not end in time; the broker may have refused the clock's certificate
    certificate  the broker's certificate is not the site's, or names another host
    refused      CONNACK or SUBACK said no
    silent       an answer (CONNACK, SUBACK, PINGRESP) did not come in time
    stuck        a packet could not be written in time
    closed       the broker, or the network, ended the connection
    packet       the broker sent what MQTT does not allow, or what this clock never asked for
    oversized    a packet that does not fit the buffer
    memory       no room for TLS; the heap is collected before the next try
    other
    """
