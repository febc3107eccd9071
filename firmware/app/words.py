"""What the clock says, by language: short enough for 16 columns, and never to be mistaken.

"Saved" is the clock's own promise; only "Confirmed by" speaks of the authority. The tables hold what `framebuf`'s
font can show, which is ASCII: French and German cannot be written rightly without accents and umlauts, so they are
not offered until the display has glyphs for them; Dutch can.
"""

from collections import namedtuple

Words = namedtuple(
    "Words",
    (
        "idle",
        "link",  # by link state: 0 no Wi-Fi, 1 no broker, 2 online
        "directions",  # by direction of the record: none, in, out, break start, break end
        "kept",
        "kept_later",
        "registered",
        "authority",
        "duplicate",  # takes the local time
        "unknown",
        "see_office",
        "refused",
        "refused_todo",
        "code",
        "two_badges",
        "nearly_full",
        "full",
        "full_todo",
        "unsealed",
        "retired",
        "fault",
        "fault_todo",
        "no_time",
        "not_set_up",
        "technician",
        "starting",
        "identify",
    ),
)

LANGUAGES = {
    "en": Words(
        idle="Hold your badge",
        link=("No Wi-Fi", "No server", "Online"),
        directions=("HERE", "IN", "OUT", "BREAK", "BACK"),
        kept="Saved here",
        kept_later=("Saved,", "sent later"),
        registered="Confirmed by",
        authority="NSSO",
        duplicate="Already at",
        unknown="Unknown badge",
        see_office="See office",
        refused="Refused:",
        refused_todo="see office",
        code="code",
        two_badges=("One badge", "at a time"),
        nearly_full="Memory 80% full",
        full="Memory full",
        full_todo="Not saved",
        unsealed="Fault: no seal",
        retired="Clock retired",
        fault="Clock fault",
        fault_todo="Not saved",
        no_time="Clock not set",
        not_set_up="Not set up",
        technician="Call technician",
        starting="Starting",
        identify="I am here",
    ),
    "nl": Words(
        idle="Hou badge voor",
        link=("Geen wifi", "Offline", "Online"),
        directions=("HIER", "IN", "UIT", "PAUZE", "TERUG"),
        kept="Bewaard",
        kept_later=("Bewaard,", "volgt later"),
        registered="Bevestigd door",
        authority="RSZ",
        duplicate="Al om",
        unknown="Onbekende badge",
        see_office="Meld je",
        refused="Geweigerd:",
        refused_todo="meld je",
        code="code",
        two_badges=("Een badge", "tegelijk"),
        nearly_full="Geheugen 80% vol",
        full="Geheugen vol",
        full_todo="Niet bewaard",
        unsealed="Fout: geen zegel",
        retired="Buiten gebruik",
        fault="Klok stuk",
        fault_todo="Niet bewaard",
        no_time="Klok niet gezet",
        not_set_up="Niet ingesteld",
        technician="Bel technieker",
        starting="Start op",
        identify="Hier ben ik",
    ),
}
