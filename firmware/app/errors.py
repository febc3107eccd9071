"""Every error the firmware raises on purpose. The text says what happened, what was kept and what to do next."""


class ClockError(Exception):
    """Root of the clock's errors."""


class SettingsError(ClockError):
    """A settings or secrets file is missing or has an unsupported value."""


class JournalFull(ClockError):
    """No record fits: the bridge has not acknowledged enough. Nothing was written; the log continues once it has."""


class JournalRetired(JournalFull):
    """The log has ended with RETIRE: no more records. Stored ones remain, and are still sent."""


class JournalError(ClockError):
    """The journal cannot be used as asked. `unsent` is the number of unsent records, if they are the reason."""

    def __init__(self, text, unsent=0):
        super().__init__(text)
        self.unsent = unsent


class KeyStoreError(ClockError):
    """A key slot could not be programmed. The record before it is complete; a restart recovers it."""


class FrameError(ClockError):
    """A frame that fails this clock's key, session or counter."""


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
    packet       the broker sent a packet that violates MQTT, or that this clock did not request
    oversized    a packet that does not fit the buffer
    memory       no room for TLS; the heap is collected before the next try
    other
    """
