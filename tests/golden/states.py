"""Every state of the clock's screens with what a site's clock may have to tell, for the real MicroPython."""

from app.ui import desk_screen, pages, screens, start_screens, stopped, today_screen

FACTS = {
    "uptime_ms": 273_720_000,
    "reset": 1,
    "boot": 12,
    "source": 3,
    "bound_ms": 14,
    "heap_free": 18_432,
    "firmware": "1a2b3c4d5e6f7081",
    "head": 1234,
    "tail": 1231,
    "free": 21_148,
    "capacity": 21_168,
    "sealed": True,
    "tears": 0,
    "wear": 3,
    "rssi": -61,
    "connection": 2,
    "failures": 3,
    "last_failure": "connect: no answer",
    "cert_until": 1_924_905_600,
    "reader": "92",
    "reader_fault": None,
    "reader_resets": 0,
    "display_faults": 0,
    "rtc_faults": 0,
    "case_open": False,
    "temperature": 21,
}

# Direction, time, and what became of it: registered, refused, waits, sent, waits, and saved.
MUCH = (
    (1, "07:58", 1, 987654),
    (3, "12:00", 2, 4),
    (4, "12:30", 6, 0),
    (2, "16:31", 0, True),
    (1, "17:02", 3, 0),
    (2, "18:40", 0, False),
)
TODAY = MUCH[:4]


def states(of):
    """Every state by name, with what a site's clock may have to tell: (name, screen, what)."""
    return (
        ("idle", screens.idle, (of, "Demo site", "07:58", 2, 0, "")),
        ("idle-offline", screens.idle, (of, "Demo site", "16:31", 1, 37, "")),
        ("idle-memory", screens.idle, (of, "Demo site", "16:31", 0, 16934, of.nearly_full)),
        ("idle-unsealed", screens.idle, (of, "Demo site", "16:31", 2, 0, of.unsealed)),
        ("idle-no-time", screens.idle, (of, "Demo site", None, 0, 3, "")),
        ("chosen", screens.chosen, (of, 2)),
        ("kept-in", screens.kept, (of, 1, "07:58", 1234)),
        ("kept-out", screens.kept, (of, 2, "16:31", 1301)),
        ("kept-break", screens.kept, (of, 3, "12:00", 1260)),
        ("kept-back", screens.kept, (of, 4, "12:30", 1277)),
        ("later", screens.kept_later, (of, 1, "07:58", 1234, 37)),
        ("assumed", screens.assumed, (of, screens.KEPT_LOOK, 1, "07:58", 1234)),
        ("assumed-later", screens.assumed, (of, screens.LATER_LOOK, 1, "07:58", 1234)),
        ("registered", screens.registered, (of, 1, "07:58", 1234, "987654")),
        ("duplicate", screens.duplicate, (of, 1, "07:58", 1235)),
        ("unknown", screens.unknown, (of, b"\x7f\x3a", 1236)),
        ("refused", screens.refused, (of, 4, 1237)),
        ("unproved", screens.unproved, (of,)),
        ("several", screens.several, (of,)),
        ("full", screens.full, (of,)),
        ("fault", screens.fault, (of, 2)),
        ("retired", screens.retired, (of,)),
        ("today-ask", today_screen.prompt, (of,)),
        ("today", today_screen.page, (of, "7F3A", TODAY, 0)),
        ("today-much", today_screen.page, (of, "7F3A", MUCH, 3)),
        ("today-none", today_screen.page, (of, "7F3A", (), 0)),
        ("desk-lay", desk_screen.screen(desk_screen.LAY), (of,)),
        ("desk-done", desk_screen.screen(desk_screen.DONE), (of,)),
        ("desk-failed", desk_screen.screen(desk_screen.FAILED), (of,)),
        ("pages-clock", pages.screen(0, FACTS), (of,)),
        ("pages-records", pages.screen(1, FACTS), (of,)),
        ("pages-network", pages.screen(2, FACTS), (of,)),
        ("pages-parts", pages.screen(3, FACTS), (of,)),
        ("identify", screens.identify, (of, "clock-0001")),
        ("stopped", stopped.screen, (of,)),
        ("starting", start_screens.starting, (of,)),
        ("start-failed", start_screens.failed, (of, 1, "MemoryError()")),
        ("not-set-up", start_screens.not_set_up, (of, "settings.json is missing. Provision this clock.")),
    )
