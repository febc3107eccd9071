"""The tables of the bridge's store.

Times are milliseconds since 1970-01-01 UTC (`_ms`), days are dates in the site's time zone. Columns named `_closed`
hold values encrypted by `vault`. Changes need a migration in `migrations/`; a test compares the two. The condition of a
partial index is the same for both databases; it is given as SQLite's, so that a command on SQLite imports nothing of
PostgreSQL.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of exactly this type.
_Id: Final = BigInteger().with_variant(Integer, "sqlite")

employers = Table(
    "employers",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kbo", String(10), nullable=False, unique=True),
    Column("name", Text, nullable=False),
)

sites = Table(
    "sites",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("workplace", String(13), nullable=False),
    Column("regime", String(16), nullable=False),
    # The next regime, and the local day from which it applies.
    Column("next_regime", String(16)),
    Column("regime_from", Date),
    # Distinguish the first punch of a day from the end of a shift: hours, and "22:00-06:00".
    Column("longest_shift_h", SmallInteger, nullable=False, server_default="12"),
    Column("night_hours", String(11)),
    Column("time_zone", Text, nullable=False),
    # A site can be planned before its first clock is provisioned, which makes its key. 32 bytes for each key so far;
    # their number; since when its clocks are getting the last one.
    Column("site_key_closed", LargeBinary),
    Column("site_keys", SmallInteger, nullable=False, server_default="1"),
    Column("key_changed_ms", BigInteger),
    Column("badge_root_closed", LargeBinary),
    # Changes of the roster: how many, and when the last was.
    Column("roster_changes", BigInteger, nullable=False, server_default="0"),
    Column("roster_changed_ms", BigInteger),
    # Its location, and its people's languages, the most common first.
    Column("address", JSON(none_as_null=True)),
    Column("latitude", Float(53)),
    Column("longitude", Float(53)),
    Column("languages", JSON(none_as_null=True)),
    # By when everybody there has a number ("08:30"), and how many minutes before a notice is sent; empty: as the
    # settings say.
    Column("deadline", String(5)),
    Column("deadline_minutes", SmallInteger),
)

workers = Table(
    "workers",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("name_closed", LargeBinary, nullable=False),
    Column("identity_kind", String(8), nullable=False),
    Column("identity_closed", LargeBinary, nullable=False),
    Column("identity_index", LargeBinary, nullable=False, unique=True),
    Column("employer_id", ForeignKey("employers.id")),
    Column("language", String(2)),
    Column("added_ms", BigInteger, nullable=False, server_default="0"),
)

# Engagements of a worker besides, or instead of, the employer in the worker's row: from and to which day, at which
# sites (an empty list: all).
engagements = Table(
    "engagements",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, index=True),
    Column("employer_id", ForeignKey("employers.id"), nullable=False),
    Column("from_day", Date),
    Column("to_day", Date),
    Column("site_ids", JSON, nullable=False),
)

# Who is expected: the plan of a site's day, a row per worker; minutes of the local day, an end that is not after its
# beginning is on the next day. A plan without rows: nobody is.
plans = Table(
    "plans",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("put_ms", BigInteger, nullable=False),
    UniqueConstraint("site_id", "day"),
    Index("ix_plans_day", "day"),
)

expected = Table(
    "expected",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("plan_id", ForeignKey("plans.id"), nullable=False),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, index=True),
    Column("from_min", SmallInteger),
    Column("to_min", SmallInteger),
    Column("source", String(8), nullable=False),
    UniqueConstraint("plan_id", "worker_id"),
)

# From the office's files: Dimona's periods of workers in employers' service (times only for a period of one day), and
# employers at sites from the declaration of works.
dimona_periods = Table(
    "dimona_periods",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, index=True),
    Column("employer_id", ForeignKey("employers.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("to_day", Date),
    Column("from_min", SmallInteger),
    Column("to_min", SmallInteger),
)

works = Table(
    "works",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False, index=True),
    Column("employer_id", ForeignKey("employers.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("to_day", Date),
)

badges = Table(
    "badges",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("token", LargeBinary(8), nullable=False, index=True),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, index=True),
    Column("since_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    # The engagement that its punches are for, if it was given for one.
    Column("engagement_id", ForeignKey("engagements.id")),
    # A card that proves itself: the form of its keys (badge_keys.Form), the random bytes of its issue, and the token of
    # its UID. Empty for a badge by its UID, the last two also for a card of an earlier version.
    Column("form", SmallInteger),
    Column("issue", LargeBinary(8)),
    Column("card", LargeBinary(8)),
    # The token without the site's last key, while the clocks are getting that key.
    Column("token_before", LargeBinary(8)),
    Index("ix_badges_site_id_worker_id", "site_id", "worker_id"),
    Index(
        "ix_badges_token_before",
        "site_id",
        "token_before",
        sqlite_where=text("token_before IS NOT NULL"),
    ),
    Index(
        "uq_badges_in_use",
        "site_id",
        "token",
        unique=True,
        sqlite_where=text("until_ms IS NULL"),
    ),
)

# Another mark after each change of badges, engagements, workers and employers: the sum of its rows. Triggers on those
# maintain it (`holder_marks`): a migration that recreates one of these tables must make them again.
holder_marks = Table(
    "holder_marks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("mark", BigInteger, nullable=False),
)

clocks = Table(
    "clocks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(23), nullable=False),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("certificate_sha256", String(64)),
    Column("link_key_closed", LargeBinary, nullable=False),
    # The running seal: the state to check the next record.
    Column("next_seq", BigInteger, nullable=False),
    Column("boot", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("epoch_records", BigInteger, nullable=False),
    Column("keys_closed", LargeBinary, nullable=False),
    Column("tag", LargeBinary(16), nullable=False),
    Column("genesis", LargeBinary(16), nullable=False),
    Column("failing_seq", BigInteger),
    Column("failing_times", Integer, nullable=False),
    # The present gap: where, since when, how often it was answered with "send again".
    Column("gap_seq", BigInteger),
    Column("gap_times", Integer, nullable=False, server_default="0"),
    Column("gap_since_ms", BigInteger),
    # Quarantine: the kind of event that led to it; the rows in `quarantine`; the limit of acknowledgements.
    Column("held_reason", String(32)),
    Column("held_ms", BigInteger),
    Column("kept", Integer, nullable=False, server_default="0"),
    Column("ack_limit", BigInteger),
    # How far it has shown its chain until it proves in its session that it is the store's; whether the last message
    # under its name began another chain.
    Column("shown", BigInteger),
    Column("founded_anew", Boolean, nullable=False, server_default=false()),
    # The clock's own report, and the connection it came in.
    Column("status_counter", LargeBinary(8), nullable=False),
    Column("session", LargeBinary(8)),
    Column("online", Boolean, nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("status", JSON),
    Column("status_ms", BigInteger),
    Column("standing", JSON),  # how the bridge sees it: standing.Standing
    # Counters of frames sent to it.
    Column("receipt_last", BigInteger, nullable=False),
    Column("counter_reserved", BigInteger, nullable=False),
    # Its roster: the wanted version, its state of the site, since when; and the last reported version.
    Column("roster_version", BigInteger, nullable=False, server_default="0"),
    Column("roster_of", BigInteger),
    Column("roster_ms", BigInteger),
    Column("roster_told", BigInteger),
    # How many keys of its site it uses for tokens, and how many that roster was made with.
    Column("site_keys", SmallInteger, nullable=False, server_default="1"),
    Column("roster_keys", SmallInteger, nullable=False, server_default="1"),
    # Its settings: the ordered ones and their version; the version it reported, and the one it refused.
    Column("settings_version", BigInteger, nullable=False, server_default="0"),
    Column("settings_wanted", JSON),
    Column("settings_told", BigInteger),
    Column("settings_refused", BigInteger),
    # When it was added; unknown for clocks added by earlier versions.
    Column("added_ms", BigInteger),
    Index(
        "uq_clocks_in_use",
        "name",
        unique=True,
        sqlite_where=text("state != 'RETIRED'"),
    ),
)

records = Table(
    "records",
    metadata,
    Column("clock_id", ForeignKey("clocks.id"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary(64), nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

UNDER_WAY: Final = "declared = 'movement' AND state IN ('QUEUED', 'SENT', 'UNKNOWN')"
"""The movements that block later ones of the same worker."""
SENT: Final = "state IN ('SENT', 'UNKNOWN')"
"""The presences sent without an answer yet."""
ASSUMED: Final = "assumed IS NOT NULL AND kept_ms IS NULL"
"""The assumed presences that a person may still change."""

FOR_PERSON: Final = "state IN ('WAITING', 'REFUSED') OR (state = 'REMARKS' AND seen_ms IS NULL)"
"""The presences that need a decision, including those with open remarks."""
PUNCH_FOR_PERSON: Final = "presence_id IS NULL AND state IN ('WAITING', 'UNASSIGNED', 'INVALID')"
"""The punches that need a decision: they have no presence. SQLite tests an index's condition at each insert, a list of
three as its own table; with the cheap part first, the list is skipped for all other punches.
"""

presences = Table(
    "presences",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("reference", String(24), nullable=False, unique=True),
    Column("worker_id", ForeignKey("workers.id"), nullable=False),
    Column("employer_kbo", String(10), nullable=False),
    Column("workplace", String(13), nullable=False),
    Column("day", Date, nullable=False),
    # The declaration: the day, or a movement at a moment; 0 and empty for a day.
    Column("declared", String(8), nullable=False, server_default="day"),
    Column("moment_ms", BigInteger, nullable=False, server_default="0"),
    Column("way", String(3), nullable=False, server_default=text("''")),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(16)),
    Column("reception_number", BigInteger),
    Column("error_code", SmallInteger, nullable=False),
    Column("error_text", Text),
    Column("remarks", JSON, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("alone", Boolean, nullable=False),
    Column("due_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("lost_ms", BigInteger),
    Column("registered_ms", BigInteger),
    Column("final_ms", BigInteger),
    # The worker's `identity_index` when it was sent, and when a person last decided to declare it.
    Column("sent_identity", LargeBinary),
    Column("decided_ms", BigInteger),
    # Why the worker's presence is not evident (shifts.Assumed), and when a person confirmed it.
    Column("assumed", String(16)),
    Column("kept_ms", BigInteger),
    # When a person settled its remarks.
    Column("seen_ms", BigInteger),
    # Whether the office registered it, without a punch.
    Column("manual", Boolean, nullable=False, server_default=false()),
    Index(
        "uq_presences_standing",
        "worker_id",
        "employer_kbo",
        "workplace",
        "day",
        "moment_ms",
        "way",
        unique=True,
        sqlite_where=text("state NOT IN ('CANCELLED', 'CLOSED')"),
    ),
    Index("ix_presences_worker_day", "worker_id", "day"),
    Index(
        "ix_presences_under_way",
        "worker_id",
        "id",
        sqlite_where=text(UNDER_WAY),
    ),
    Index(
        "ix_presences_due",
        "state",
        "due_ms",
        "id",
        sqlite_where=text("due_ms IS NOT NULL"),
    ),
    Index("ix_presences_day", "day", "id"),
    Index(
        "ix_presences_assumed",
        "day",
        sqlite_where=text(ASSUMED),
    ),
    Index("ix_presences_sent", "state", "id", sqlite_where=text(SENT)),
    Index(
        "ix_presences_for_person",
        "state",
        "id",
        sqlite_where=text(FOR_PERSON),
    ),
)

# The office's registrations for days that the authority does not accept yet. Ended with the resulting presence, or with
# the reason why there is none.
later_registrations = Table(
    "later_registrations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, index=True),
    Column("employer_kbo", String(10), nullable=False),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("presence_id", ForeignKey("presences.id"), index=True),
    Column("ended_ms", BigInteger),
    Column("outcome", Text),
    Index(
        "uq_later_registrations_open",
        "day",
        "worker_id",
        "employer_kbo",
        "site_id",
        unique=True,
        sqlite_where=text("ended_ms IS NULL"),
    ),
)

# The number of presences in each state: the sum of its rows. Triggers maintain it (`presence_counts`).
presence_counts = Table(
    "presence_counts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("presence_id", ForeignKey("presences.id"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("code", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    # The replacement: for whom, where, and which way; empty for a plain cancellation.
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_kbo", String(10)),
    Column("site_id", ForeignKey("sites.id")),
    Column("way", String(3)),
    Column("asked_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    Column("outcome", Text),
    Column("replacement_id", ForeignKey("presences.id"), index=True),
    Index(
        "uq_corrections_open",
        "presence_id",
        unique=True,
        sqlite_where=text("done_ms IS NULL"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("presence_id", ForeignKey("presences.id"), nullable=False, index=True),
    Column("call", String(32), nullable=False),
    Column("request_hash", LargeBinary(16), nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
    Column("answered_ms", BigInteger),
    Column("outcome", Text),
)

receptions = Table(
    "receptions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("presence_id", ForeignKey("presences.id"), nullable=False),
    Column("number", BigInteger, nullable=False, index=True),
    Column("seen_ms", BigInteger, nullable=False),
    UniqueConstraint("presence_id", "number"),
)

punches = Table(
    "punches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("clock_id", ForeignKey("clocks.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("token", LargeBinary(8), nullable=False),
    Column("direction", SmallInteger, nullable=False),
    Column("utc_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(16)),
    Column("worker_id", ForeignKey("workers.id")),
    Column("presence_id", ForeignKey("presences.id"), index=True),
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("clock_id", "seq"),
    Index(
        "ix_punches_open",
        "site_id",
        "token",
        sqlite_where=text("presence_id IS NULL"),
    ),
    Index(
        "ix_punches_for_person",
        "state",
        "id",
        sqlite_where=text(PUNCH_FOR_PERSON),
    ),
)

# Corrections that the authority's web service no longer accepts, to be requested with a correction file: for a
# presence, or for a punch without one. Ended with the result.
filings = Table(
    "filings",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("presence_id", ForeignKey("presences.id"), index=True),
    Column("punch_id", ForeignKey("punches.id"), index=True),
    Column("kind", String(8), nullable=False),
    # The right data: for whom, under whom, where, which way; empty for a presence that nobody had.
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_kbo", String(10)),
    Column("site_id", ForeignKey("sites.id")),
    Column("way", String(3)),
    Column("day", Date, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("made_ms", BigInteger),
    Column("done_ms", BigInteger),
    Column("outcome", Text),
    Index(
        "uq_filings_presence",
        "presence_id",
        unique=True,
        sqlite_where=text("done_ms IS NULL"),
    ),
    Index(
        "uq_filings_punch",
        "punch_id",
        unique=True,
        sqlite_where=text("done_ms IS NULL"),
    ),
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("clock_id", ForeignKey("clocks.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("error_code", SmallInteger, nullable=False),
    Column("reception_number", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("clock_id", "number"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("clock_id", ForeignKey("clocks.id"), nullable=False),
    Column("seq", BigInteger),
    Column("raw", LargeBinary, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("clock_id", "sha256"),
)

desk_jobs = Table(
    "desk_jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("clock", String(23), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("worker", Text),
    Column("asked_by", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", Text, nullable=False),
    Column("outcome", JSON),
    Column("stop_asked", Boolean, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Index(
        "ix_desk_jobs_open",
        "id",
        sqlite_where=text("ended_ms IS NULL"),
    ),
)

orders = Table(
    "orders",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("clock_id", ForeignKey("clocks.id"), nullable=False),
    Column("command", SmallInteger, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("times_sent", Integer, nullable=False),
    Column("boot", Integer),  # of the clock when it was first sent
    Column("done_ms", BigInteger),
    Column("outcome", Text),
    Column("report", JSON),
    Index(
        "uq_orders_open",
        "clock_id",
        "command",
        unique=True,
        sqlite_where=text("done_ms IS NULL"),
    ),
)

EVENT_OPEN: Final = "settled_ms IS NULL AND severity != 'info'"
"""The events that may need a person."""

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("severity", String(8), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("clock", Text),
    Column("seq", BigInteger),
    # Its subject other than a clock: a presence's or a worker's reference, what an authority accepts.
    Column("about", Text),
    Column("detail", Text, nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    # When it was settled, by a person or by later events; for kinds that need it.
    Column("settled_ms", BigInteger),
    Index("ix_events_same", "kind", "clock", "last_ms"),
    Index("ix_events_clock", "clock", "id"),
    Index("ix_events_last_ms", "last_ms", "id"),
    Index(
        "ix_events_open",
        "kind",
        "first_ms",
        sqlite_where=text(EVENT_OPEN),
    ),
)

# What operators did. Triggers refuse to change or delete a row; each hash covers the one before (`audit_log`).
acts = Table(
    "acts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("operator", Text, nullable=False),
    Column("act", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Index("ix_acts_subject", "subject"),
    Index("ix_acts_operator", "operator", "id"),
    Index("ix_acts_act", "act", "id"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", LargeBinary(32), nullable=False),
    Column("scopes", JSON, nullable=False),
    # The sites and employers that it was made for, by row; null: all of them.
    Column("reach", JSON(none_as_null=True)),
    Column("made_by", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("used_ms", BigInteger),
)

# Accounts of the console. The name of an ended one is not reused. The secret of its codes, and the time step of the
# last one (`accounts.second_factor`).
accounts = Table(
    "accounts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(32), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("reach", JSON(none_as_null=True)),  # as of api_tokens
    Column("password_hash", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("totp_closed", LargeBinary),
    Column("totp_step", BigInteger),
    Column("made_ms", BigInteger, nullable=False),
    Column("signed_in_ms", BigInteger),
    Column("ended_ms", BigInteger),
)

# Links that open one page to anyone who has them, until they expire: a site's list for an inspector, or a worker's own
# registrations.
links = Table(
    "links",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("secret_sha256", LargeBinary(32), nullable=False, unique=True),
    Column("site_id", ForeignKey("sites.id")),
    Column("worker_id", ForeignKey("workers.id"), index=True),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("secret_sha256", LargeBinary(32), nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("opened_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("shows_names", Boolean, nullable=False),
)

NOTICE_OPEN: Final = "over_ms IS NULL"
LETTER_OPEN: Final = "ended_ms IS NULL"

# Notices (`notices.news`), and their letters: recipients by the hash of their address, so that a copy of the store
# reveals no address.
notices = Table(
    "notices",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("key", Text, nullable=False),
    Column("about", JSON, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Column("over_ms", BigInteger),
    Index("uq_notices_open", "key", unique=True, sqlite_where=text(NOTICE_OPEN)),
    Index("ix_notices_over_ms", "over_ms"),
)

letters = Table(
    "letters",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uid", String(32), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("recipient", String(24), nullable=False),
    Column("body", JSON, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("ended_ms", BigInteger),
    Column("outcome", String(16)),
    Index("ix_letters_open", "due_ms", sqlite_where=text(LETTER_OPEN)),
    Index("ix_letters_ended_ms", "ended_ms"),
)
