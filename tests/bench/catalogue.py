"""The meaning and target of each figure. A figure that is not here is not published."""

from __future__ import annotations

from typing import NamedTuple

from badgeclock.chaos.faults import FAULTS as FAULT_KINDS
from tests.reading_commands import READING


class Figure(NamedTuple):
    """`meaning` in a line; `wanted` the target of the design, empty if there is none."""

    meaning: str
    wanted: str = ""


SECTIONS = {
    "demo.": "The way of a punch, end to end",
    "reader.": "The reader",
    "journal.": "The journal: flash work of a punch, reads at start",
    "littlefs.": "The same punches appended to a file on littlefs, for comparison",
    "seal.": "Seal and key store",
    "torture.": "Power cuts",
    "clock.": "The clock: a tap, its memory, its display",
    "field.": "In the field: what power, Wi-Fi and people do",
    "chip.": "The memory of an ESP32, by the model that the tests run under",
    "firmware.": "The firmware",
    "uplink.": "The uplink",
    "roster.": "The roster",
    "sim.": "The whole system, simulated under seeds",
    "umqtt.": "umqtt.simple used directly, for comparison",
    "bridge.": "The bridge",
    "registrar.": "The registrar",
    "once.": "Declared once: an authority that counts",
    "days.": "Years of a site, against the truth",
    "console.": "The operators' pages",
    "today.": "Who is here, and who has not come",
    "scale.": "As the store grows: what is asked of it, and a bridge without clocks",
    "limit.": "The limits of the bridge: the same without it, same run",
    "cli.": "Commands",
    "backup.": "Backups of a million presences",
    "retention.": "Deletion of what is old, beside other writers",
    "upgrade.": "An upgrade with a million presences, and the way back, while clocks punch",
    "authority.": "The authority's client and sandbox",
    "attack.": "Under attack",
}

SHOWN = {
    "kept-in": "a punch that is kept",
    "later": "one that is kept offline",
    "registered": "one that is registered",
    "duplicate": "a duplicate",
    "unknown": "an unknown badge",
    "several": "two badges at once",
    "fault": "a fault",
}

# How the time of a tap before its signal is spent.
TAP_PARTS = {
    "reader": "the reader",
    "seal": "the seal and its keys",
    "journal": "the journal",
    "time": "the clock's time",
    "display": "display, tones and lamp",
}


_WHOLE = "verified, durable and acknowledged over the wire"
_MODEL = "5 MHz SPI, 60 µs a transfer, air and card; no bytecode"
MOUNTED_RECORDS = (1, 1000, 16000, 190000)
NETWORK_FAULTS = ("none", *FAULT_KINDS, "deaf-dns")
_MOUNT = "reads of the {0} partition when the clock starts with {1} records"

FIGURES = {
    "roster.push_5000_s": Figure(
        "seconds from a change at the office to 5,000 badges in use on a clock, of which the bridge waits three"
    ),
    "roster.lookup_reads": Figure("flash reads of ten bytes to find one badge of 5,000, the most of any", "≤ 14"),
    "demo.page_s": Figure("seconds from `badgeclock demo` to an answer of its page, toolchain set up before", "≤ 6"),
    "demo.start_s": Figure("seconds until all is set up, provisioned and online"),
    "demo.tap_to_signal_ms.p50": Figure("badge in the field to the first tone, half of 40 taps", "≤ 100"),
    "demo.tap_to_signal_ms.max": Figure("the same, the slowest", "≤ 100"),
    "demo.tap_to_registered_ms.p50": Figure(
        "badge in the field to the reception number on the display, authority answering in 200 ms", "≤ 2000"
    ),
    "demo.tap_to_registered_ms.max": Figure("the same, the slowest", "≤ 2000"),
    "demo.page_programs_per_punch": Figure("flash page programs per punch, housekeeping while idle included"),
    "demo.display_bytes_per_punch": Figure("I2C bytes per punch and its receipt: display and clock chip"),
    "reader.idle.transactions": Figure("SPI transactions of a poll without badge", "≤ 8"),
    "reader.uid4.transactions": Figure("of a 4-byte UID", "≤ 26"),
    "reader.uid7.transactions": Figure("of a 7-byte UID", "≤ 42"),
    "reader.uid10.transactions": Figure("of a 10-byte UID", "≤ 58"),
    "reader.desfire.transactions": Figure("of a 7-byte UID, its proof and its badge number"),
    "reader.idle.bytes": Figure("SPI bytes of a poll without badge"),
    "reader.uid4.bytes": Figure("of a 4-byte UID"),
    "reader.uid7.bytes": Figure("of a 7-byte UID"),
    "reader.uid10.bytes": Figure("of a 10-byte UID"),
    "reader.desfire.bytes": Figure("of a 7-byte UID, its proof and its badge number"),
    "reader.idle.model_ms": Figure(f"ms of a poll without badge: {_MODEL}"),
    "reader.uid4.model_ms": Figure("of a 4-byte UID"),
    "reader.uid7.model_ms": Figure("of a 7-byte UID"),
    "reader.uid10.model_ms": Figure("of a 10-byte UID"),
    "reader.desfire.model_ms": Figure("of a 7-byte UID, its proof and its badge number"),
    "reader.idle.air_ms": Figure("ms of these in the air at 106 kbit/s, of a poll without badge"),
    "reader.uid4.air_ms": Figure("of a 4-byte UID; all exchanges one after another: 2.50"),
    "reader.uid7.air_ms": Figure("of a 7-byte UID; one after another: 4.54"),
    "reader.uid10.air_ms": Figure("of a 10-byte UID; one after another: 6.59"),
    "reader.desfire.air_ms": Figure("of a 7-byte UID, its proof and its badge number"),
    "reader.desfire.card_ms": Figure("ms the virtual card takes to compute, an assumption"),
    "reader.idle.alloc_bytes_per_1000": Figure("heap bytes of 1,000 polls without badge, i386", "0"),
    "reader.hangs_injected": Figure("hangs of the chip in a modelled week of polling, of six kinds by chance"),
    "reader.hangs_recovered": Figure("after how many the next badge was read", "all"),
    "reader.longest_deaf_s": Figure("from a hang until a badge in the field is read, the longest, modelled s"),
    "journal.page_programs_per_punch": Figure("page programs before the signal", "≤ 3"),
    "journal.erases_before_signal": Figure("sector erases before the signal", "0"),
    "journal.model_ms_per_punch": Figure("ms of flash before the signal: 0.4 a page program, 45 an erase (W25Q32JV)"),
    "journal.model_ms_times_less": Figure("times less than littlefs below, same run, same model", "≥ 20"),
    "journal.idle_page_programs_per_punch": Figure("page programs while idle, acknowledged after every punch"),
    "journal.idle_erases_per_punch": Figure("sector erases while idle"),
    "journal.idle_model_ms_per_punch": Figure("ms of flash while idle, when no badge is near"),
    **{
        f"journal.mount_reads.{records}": Figure(_MOUNT.format("journal", f"{records:,}"))
        for records in MOUNTED_RECORDS
    },
    "littlefs.page_programs_per_punch": Figure("page programs of 64 bytes appended and flushed"),
    "littlefs.erases_per_punch": Figure("sector erases"),
    "littlefs.model_ms_per_punch": Figure("ms of flash"),
    "littlefs.model_ms_worst": Figure("ms of flash, the slowest of 1,000"),
    "seal.verify_records_per_s": Figure(
        "records/s of `badgeclock journal verify`, a flash of 102,400 records, file reading and all rules included",
        "≥ 150,000",
    ),
    "seal.hmac_us_i386": Figure("µs of one HMAC-SHA-256"),
    "seal.hmac_plain_us_i386": Figure("µs in the usual form with byte loops"),
    "seal.hmac_bytes_i386": Figure("heap bytes of one HMAC"),
    "seal.hmac_plain_bytes_i386": Figure("heap bytes in the usual form"),
    "seal.alloc_bytes_per_punch_i386": Figure("heap bytes of one sealed record"),
    "seal.idle_bytes_i386": Figure("heap bytes of housekeeping with nothing to do"),
    "seal.import_bytes_i386": Figure("heap bytes after importing the core"),
    **{f"seal.mount_reads.{records}": Figure(_MOUNT.format("seal", f"{records:,}")) for records in MOUNTED_RECORDS},
    **{f"seal.mount_us.{records}": Figure(f"µs of a start with {records:,} records") for records in MOUNTED_RECORDS},
    "torture.single_cuts": Figure("power cuts in a clock's lives, each followed by a start and every invariant"),
    "torture.double_cuts": Figure("pairs of cuts, the second in the start after the first; complete for a whole life"),
    "torture.failures": Figure("of these, of flash faults and exhausted heaps, those that broke an invariant", "0"),
    "clock.tap_model_ms": Figure("ms of input and output from the poll that finds a badge to the first tone, modelled"),
    **{f"clock.tap_model_ms.{part}": Figure(f"of these, {words}") for part, words in TAP_PARTS.items()},
    "clock.tap_vm_instructions": Figure("bytecode instructions between the same, counted one by one"),
    **{
        f"clock.tap_vm_instructions.{part}": Figure(f"of these, {words}")
        for part, words in {**TAP_PARTS, "other": "punch, memory of recent badges, loop"}.items()
    },
    "clock.tap_alloc_bytes": Figure("heap bytes taken between the same"),
    "clock.queue_ms_per_badge": Figure(
        "ms that each of thirty badges in a row must stay so that all are taken, the clock's own work modelled", "≤ 55"
    ),
    "clock.heap_idle_bytes_i386": Figure("heap in use, code in place, connected and idle, collected", "≤ 65,536"),
    "clock.heap_low_water_free_i386": Figure("least heap free, with what it could grow by, through all these punches"),
    "clock.heap_smallest_piece_i386": Figure("least that the largest free piece of it had"),
    "field.wifi_back_s": Figure(
        "seconds until Wi-Fi is back where the port never finds its access point again by itself, modelled", "≤ 150"
    ),
    "field.queue_tap_ms.max": Figure(
        "ms from badge to signal, the slowest of 1,000 badges without a pause, modelled; flash typical, its erases and "
        "all other housekeeping among them",
        "< 100",
    ),
    "field.roster_under_queue_s": Figure(
        "seconds until a new roster of 5,000 badges is in use while a badge comes every second, modelled", "≤ 60"
    ),
    "field.soak_taps": Figure(
        "taps of random cards, with keys, power cuts, a sick reader and every fault of the network by chance, modelled",
        "100,000",
    ),
    "field.soak_power_cuts": Figure("power cuts among them, in the middle of flash work"),
    "field.soak_restarts": Figure("restarts that nobody caused", "0"),
    "field.soak_lost": Figure("punches that were signalled and did not reach the bridge", "0"),
    "field.soak_heap_low_free": Figure("heap bytes free at the scarcest moment, of 1 MB for clock and model"),
    "chip.stock.heap_used": Figure("heap in use on MicroPython's official image, connected and idle"),
    "chip.stock.idf_low": Figure("least of ESP-IDF's memory that was free there, from power-on", "≥ 8,192"),
    "chip.own.heap_used": Figure("heap in use on the board's own image, connected and idle"),
    "chip.own.idf_low": Figure("least of ESP-IDF's memory that was free there", "≥ 40,960"),
    "chip.own.idf_low_proof": Figure("the same with proofs of badges", "≥ 40,960"),
    "chip.start_s": Figure("from power to the idle screen, board's own image; seconds of this machine"),
    "chip.start_flash_reads": Figure("reads of the flash between the same, littlefs and the log", "≤ 4,073"),
    "chip.start_flash_reads_stock": Figure("the same with the official image, whose code is on the littlefs"),
    "clock.heap_idle_stock_bytes_i386": Figure("heap in use with the official image, which copies code into the heap"),
    "clock.soak_punches": Figure("punches in a row, without a MemoryError, lost punch or restart", "≥ 10,000"),
    "clock.soak_reconnects": Figure("times the network went meanwhile"),
    **{
        f"clock.display_bytes.{state}": Figure(f"I2C bytes to an SSD1306 from the idle screen to {meaning}")
        for state, meaning in SHOWN.items()
    },
    **{
        f"clock.colour_display_bytes.{state}": Figure(f"SPI bytes to an ST7789 from the idle screen to {meaning}")
        for state, meaning in SHOWN.items()
    },
    "clock.display_heap": Figure("heap bytes of an SSD1306 with the fullest screen, code not counted"),
    "clock.colour_display_heap": Figure("the same of an ST7789"),
    "field.display_back_s": Figure(
        "longest s that a display is dark after a dip of its supply while nobody is near, of all displays; one on I2C "
        "is back in 3",
        "≤ 65",
    ),
    "firmware.mpy_bytes": Figure("compiled firmware on the clock"),
    "firmware.image_bytes": Figure("the ROMFS image of it, drawings included"),
    "uplink.tls_records_per_punch": Figure("TLS records a punch sent alone"),
    "uplink.tls_bytes_per_punch": Figure("bytes on the wire a punch sent alone"),
    "uplink.backlog_tls_records_per_punch": Figure("TLS records a punch of a backlog"),
    "uplink.backlog_tls_bytes_per_punch": Figure("bytes on the wire a punch of a backlog"),
    **{
        f"uplink.tap_ms.{fault}.{name}": Figure(
            f"ms from badge to signal under the fault {fault}, {what} of 25 taps or more",
            "≤ 100" if name == "p99" else "",
        )
        for fault in NETWORK_FAULTS
        for name, what in (("p50", "half"), ("p99", "99 %"), ("max", "the slowest"))
    },
    "uplink.backlog_20000_s": Figure("seconds to drain 20,000 punches while badging goes on, this machine"),
    "uplink.backlog_records_per_s": Figure("records/s of that backlog"),
    "uplink.backlog_taps": Figure("taps meanwhile, fifty a second"),
    "uplink.backlog_tap_ms.p50": Figure(
        "ms by which such a tap was safe in the journal after it was due, half of them"
    ),
    "uplink.backlog_tap_ms.p99": Figure("the same, 99 %", "≤ 100"),
    "uplink.backlog_tap_ms.max": Figure("the same, the slowest"),
    "uplink.heap_low_water_free_i386": Figure(
        "least heap free, with what it could grow by, whole firmware, through storms of reconnections and taps"
    ),
    "uplink.storm_connections": Figure("connections in those storms"),
    "uplink.heap_i386": Figure("heap bytes of umqtt, uplink, buffers and TLS, connected"),
    "sim.seeds": Figure("seeds run: four clocks, broker, bridge and authority, all of which fail by the seed's plan"),
    "sim.punches": Figure("punches signalled in them"),
    "sim.faults": Figure("faults injected: network, power, processes killed, ambiguous answers of the authority"),
    "sim.broken": Figure("invariants broken: a punch lost, doubled, out of order, or not registered exactly once", "0"),
    "umqtt.tls_records_per_punch": Figure("TLS records a QoS 1 publish"),
    "umqtt.tls_bytes_per_punch": Figure("bytes on the wire a QoS 1 publish"),
    "bridge.intake.batch_records_per_s": Figure("records/s verified and committed, 63 a message, SQLite, no broker"),
    "bridge.intake.single_records_per_s": Figure("the same, one a message"),
    "bridge.intake.verify_records_per_s": Figure("records/s whose seal is verified, nothing stored"),
    "bridge.intake.bare_sqlite_rows_per_s": Figure("rows/s the bare library writes, for comparison"),
    "once.cases": Figure(
        "presences before an authority that commits before, after, in the middle of or without every status, fault and "
        "delay, with kills, second bridges and both clock changes by seed"
    ),
    "once.doubled": Figure("registrations too many", "0"),
    "once.lost": Figure("presences neither registered nor waiting for a person", "0"),
    "attack.honest_ack_p99_ms.calm": Figure(
        "ten clocks say 20 punches a second together: punch to ACK, 99 of 100, ms, beside nobody"
    ),
    "attack.honest_ack_p99_ms.junk": Figure(
        "the same beside a certificate that sends 2,500 messages a second of rubbish", "≤ 1000"
    ),
    "attack.honest_ack_p99_ms.flood": Figure(
        "the same beside one that sends genuine records and statuses again and again, 2,500 messages a second", "≤ 1000"
    ),
    "attack.honest_ack_p99_ms.share": Figure(
        "the same beside one that asks for 20,000 shared subscriptions and on, at a broker that refuses them", "≤ 1000"
    ),
    "attack.honest_ack_p99_ms.connections": Figure(
        "the same beside 11,900 idle connections, from when the clocks have connected", "≤ 1000"
    ),
    "attack.bridge_rss_mb.events": Figure(
        "MB that the bridge takes besides while 20,000 invented clocks write, and one says 2,000 other texts"
    ),
    "attack.bridge_rss_mb.answers": Figure(
        "MB that the dearest hostile answer of an authority costs beside its own bytes"
    ),
    "attack.bridge_rss_mb.styles": Figure("MB that the dearest hostile spreadsheet costs beside its own bytes"),
    "registrar.presences_per_s": Figure(
        "presences/s registered and committed, 20,000 queued, 200 a call, 4 calls at once, sandbox answering in 200 ms"
    ),
    "registrar.bound_presences_per_s": Figure("what those calls allow if nothing else took time"),
    "registrar.cpu_us_per_presence": Figure("µs of the bridge's processor a presence, the client's XML included"),
    "bridge.sqlite.single_msgs_per_s": Figure(
        f"{_WHOLE}, SQLite: messages/s of one punch each, 200 clocks, load and broker on the same cores", "≥ 10,000"
    ),
    "bridge.sqlite.batch_records_per_s": Figure("the same, records/s in messages of 63, 100 clocks", "≥ 60,000"),
    "bridge.sqlite.ack_p50_ms": Figure("punch to ACK at the clock at half that load of single punches, ms, half"),
    "bridge.sqlite.ack_p99_ms": Figure("the same, 99 of 100", "≤ 300"),
    "bridge.backlog_200k_s": Figure("s to drain 200,000 records that 100 clocks have kept, to the last ACK", "≤ 10"),
    "bridge.postgres.single_msgs_per_s": Figure(f"{_WHOLE}, PostgreSQL on the same cores: messages/s of one punch"),
    "bridge.postgres.batch_records_per_s": Figure("the same, records/s in messages of 63"),
    "bridge.postgres.ack_p50_ms": Figure("punch to ACK at half that load of single punches, ms, half"),
    "bridge.postgres.ack_p99_ms": Figure("the same, 99 of 100", "≤ 300"),
    **{
        f"bridge.postgres.workers{workers}.{load}.{name}": Figure(
            f"{meaning}, {of_load}, workers: {workers}",
            "≤ 1.25 times that of one" if name == "cpu_us" and workers == 4 else "",
        )
        for workers in (1, 2, 4)
        for load, of_load in (("single", "in messages of one"), ("batch", "in messages of 63"))
        for name, meaning in (
            ("per_s", "records/s on PostgreSQL, load, broker and database on the same cores"),
            ("cpu_us", "µs that a record costs the bridge's own processes"),
        )
    },
    "bridge.false_gaps": Figure(
        "records of all these that the bridge found out of order, of clocks that sent them in order", "0"
    ),
    "bridge.resent_messages": Figure(
        "messages of all these that a clock sent again, having waited for its ACK too long", "0"
    ),
    "bridge.connected_clocks": Figure("clocks connected at once, each on TLS with its certificate", "10,000"),
    "bridge.connected.burst_s": Figure("s until each of them has founded its chain, punched and got the ACK"),
    "bridge.connected.broker_kb_each": Figure("resident memory of the broker, KB a clock"),
    "bridge.connected.bridge_mb": Figure("resident memory of the bridge, MB"),
    **{
        f"bridge.us_per_punch.{name}": Figure(
            f"µs a punch verified and committed, SQLite, no broker, {count:,} records filled in before"
        )
        for name, count in (("1e4", 10_000), ("1e5", 100_000), ("1e6", 1_000_000), ("1e7", 10_000_000))
    },
    "days.total": Figure(
        "person-days of two years: forgotten taps, night shifts, two gates, outages, moves, both clock changes"
    ),
    "days.missing": Figure("of these, those that the authority has not, or has twice", "0"),
    "days.extra_flagged": Figure("person-days that it has besides, flagged, for a person to cancel the same day"),
    "days.extra_unflagged": Figure("the same, not flagged", "0"),
    "days.flagged": Figure("person-days that were right and are flagged all the same, for a person to keep"),
    **{
        f"console.now_ms.{size}.p95": Figure(
            f"ms to answer the first page, {presences:,} presences, 1,000 workers, just after a punch; SQLite",
            "100",
        )
        for size, presences in (("1e4", 10_000), ("1e6", 1_000_000))
    },
    "console.live200.intake_ratio": Figure(
        "messages a second that the intake takes at half load beside 200 open pages, of what it takes beside none",
        "0.95",
    ),
    "console.live200.ack_p99_ratio": Figure("ms to 99 of 100 acknowledgements there, of that beside none", "1.2"),
    "console.live200.ack_p99_ms": Figure("ms to 99 of 100 acknowledgements at half load beside 200 open pages"),
    "console.live200.fetches_per_s": Figure("pages a second that these 200 fetch meanwhile"),
    "console.first_paint_ms": Figure("ms to the first paint of the first page, Chromium on this machine, median of 9"),
    "console.page_kb": Figure("KB that a browser loads for the first page with everything", "100"),
    "console.live_delay_ms": Figure("ms from a commit in the store to its row on an open page, median of 9", "1000"),
    "console.import_1000_rows_s": Figure("s from a list of 1,000 workers that is sent, tried and imported to its page"),
    "today.presences": Figure("presences of 1,000 workers at 10 sites on 100 days, with four punches each"),
    "today.ms_sqlite": Figure("ms of one reading of all sites, fastest of 7, SQLite; by the last working days"),
    "today.ms_postgres": Figure("the same, PostgreSQL over a socket"),
    **{
        f"scale.query_ms.{name}.{size}": Figure(
            f"ms of the processor: {meaning}, {presences:,} presences in the store, the fewest of 7, SQLite",
            "≤ 2 times that of 1e4" if size == "1e6" else "",
        )
        for name, meaning in (
            ("next_due", "asking when the next presence is to be looked at, which the registrar does every second"),
            ("presences_by_state", "how many presences stand in each state, for the metrics"),
            ("attention_counts", "how much waits for a person, for the metrics"),
            ("presence_list", "`presence list`: what waits for a person"),
            ("planning_presences", "the presences of one day, of a thousand, for a planning tool"),
            ("numbers_known", "whose 200 reception numbers are, as after each call to the authority"),
            ("holders", "whose 500 badges are, as for a group of punches"),
            ("retention_due", "`retention show`: how much is older than it may be"),
        )
        for size, presences in (("1e4", 10_000), ("1e6", 1_000_000))
    },
    "scale.idle_cpu_percent.1e4": Figure("% of a core of a bridge without clocks, its metrics read every five seconds"),
    "scale.idle_cpu_percent.1e6": Figure("the same, a million presences in the store", "≤ 1"),
    "scale.rss_mb.1e4": Figure("resident memory of that bridge, MB"),
    "scale.rss_mb.1e6": Figure("the same, a million presences in the store", "≤ 200"),
    "scale.idle_cpu_percent.clocks_1e4": Figure(
        "% of a core of a bridge with 10,000 clocks that are connected and quiet, its metrics read every five seconds",
        "≤ 5",
    ),
    "scale.rss_mb.clocks_1e4": Figure("resident memory of that bridge, MB"),
    "cli.help_cpu_ms": Figure("ms of the processor for a help page, the dearest of several, the fewest of 5", "≤ 250"),
    "cli.list_cpu_ms": Figure(
        "ms of the processor for a command that reads, with little in the store, the dearest of all, the fewest of 5",
        "≤ 450",
    ),
    **{
        f"cli.list_cpu_ms.{words.replace(' ', '_')}": Figure(f"the same, `badgeclock {words}`", "≤ 450")
        for words in READING
    },
    "bridge.ready_s": Figure("s of the processor until a bridge takes messages, the fewest of 3", "≤ 1"),
    "backup.make_s.1e6": Figure(
        "s to copy a store of a million presences and prove the copy, clocks punching 20 times a second; SQLite", "≤ 15"
    ),
    "backup.restore_s.1e6": Figure("s to put that copy in place, proved, beside that bridge", "≤ 10"),
    "backup.pause_ms": Figure("longest ms that a clock waited for its ACK meanwhile"),
    "retention.pause_ms.p99": Figure("ms that another writer of the store waits while old presences are deleted, 99 %"),
    "retention.pause_ms.max": Figure("the same, the longest", "≤ 50"),
    "retention.presences_per_s": Figure("presences/s that are deleted meanwhile, with all that belongs to them"),
    "upgrade.pause_s": Figure(
        "longest s that a clock waited for its ACK while the bridge of the version before was stopped, its store of a "
        "million presences changed and this version's started; nothing lost",
        "≤ 10",
    ),
    "upgrade.migrate_s": Figure("of these, s of `bridge init`"),
    "upgrade.way_back_pause_s": Figure("the same, from this version back to the one before"),
    "limit.sqlite_rows_per_s": Figure("records/s, each with its punch, that the bare driver commits, none verified"),
    "limit.broker_msgs_per_s": Figure("messages/s of one punch that the broker alone carries to a bare subscriber"),
    "authority.batch_presences_per_s": Figure("registrations/s, 200 a call, sandbox without latency"),
    "authority.single_presences_per_s": Figure("registrations/s, one a call"),
    "authority.signed.batch_presences_per_s": Figure(
        "the same, 200 a call, messages and answers signed (RSA 2048) and verified"
    ),
    "authority.signed.single_presences_per_s": Figure("signed, one a call"),
    "authority.rest.batch_presences_per_s": Figure("movements/s over REST with a token, 200 a call"),
    "authority.rest.single_presences_per_s": Figure("movements/s over REST, one a call"),
}
