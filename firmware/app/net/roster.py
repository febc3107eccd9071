"""The bridge's list of known badges: tokens and languages; no name, no number of a person, no badge id.

Looked up between badge and signal, so it reads straight from the flash and allocates nothing: at most 13 reads of ten
bytes for the 5,148 badges of a bank. Writing and checking a roster is in `roster_bank` and `roster_update`, which are
not always loaded; the format is in docs/protocol.md §9.
"""

from micropython import const

ENTRIES_A_SECTOR = const(396)
HEAD_BYTES = const(64)  # of each sector
ENTRY_BYTES = const(10)
_TOKEN_BYTES = const(8)


class Roster:
    """The roster in use. partition: esp32.Partition's block interface, None on a clock without one. `version` is 0 and
    `entries` 0 until `use`.
    """

    def __init__(self, partition):
        self.partition = partition
        self.first = 0  # sector of its bank
        self.version = 0
        self.entries = 0
        self.languages = (None,)  # None: the site's own; then those that the entries refer to by number
        self._entry = bytearray(ENTRY_BYTES)
        self._token = memoryview(self._entry)[:_TOKEN_BYTES]

    def use(self, first, version, entries, languages):
        """Use this roster from now on: its bank begins at sector `first`. languages: as the attribute."""
        self.first = first
        self.version = version
        self.entries = entries
        self.languages = languages

    def find(self, token):
        """Index in `languages` of the badge with this token; -1 if the roster does not have it.

        Without a roster, or with an empty or unreadable one, nobody is rejected: 0.
        """
        entry, low, high = self._entry, 0, self.entries
        while low < high:
            middle = (low + high) >> 1
            sector = self.first + middle // ENTRIES_A_SECTOR
            try:
                self.partition.readblocks(sector, entry, HEAD_BYTES + middle % ENTRIES_A_SECTOR * ENTRY_BYTES)
            except OSError:
                return 0
            if self._token == token:
                return entry[_TOKEN_BYTES] if entry[_TOKEN_BYTES] < len(self.languages) else 0
            if self._token < token:
                low = middle + 1
            else:
                high = middle
        return -1 if self.entries else 0
