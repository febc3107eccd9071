-- Fills a PostgreSQL database that has the bridge's tables: 20,000 presences of a thousand workers at twenty sites until
-- the last day of 2025, and all that belongs to them. What refers to what is right, and is not checked.
SET session_replication_role = replica;
INSERT INTO employers SELECT n, '0' || 400000000 + n, 'Employer ' || n FROM generate_series(1::bigint, 20) n;
INSERT INTO sites (id, name, workplace, regime, time_zone)
  SELECT n, 'Site ' || n, '1Y1TEST' || 10000 + n || 'Z', 'construction', 'Europe/Brussels'
  FROM generate_series(1::bigint, 20) n;
INSERT INTO workers (id, reference, name_closed, identity_kind, identity_closed, identity_index, employer_id)
  SELECT n, 'G-' || n, '', 'niss', '', int8send(n), 1 + n % 20 FROM generate_series(1::bigint, 1000) n;
INSERT INTO badges (site_id, token, worker_id, since_ms, until_ms)
  SELECT 1 + n % 20, int8send(n), 1 + n % 1000, 0, CASE WHEN n > 1000 THEN 1 END FROM generate_series(1::bigint, 10000) n;
INSERT INTO clocks (id, name, site_id, state, link_key_closed, next_seq, boot, epoch, epoch_records, keys_closed, tag,
    genesis, failing_times, status_counter, online, sealed, receipt_last, counter_reserved)
  SELECT n, 'grown-' || n, 1 + n % 20, 'ACTIVE', '', 10000, 1, 1, 0, '', '', '', 0, '', true, true, 10000, 10000
  FROM generate_series(1::bigint, 40) n;
INSERT INTO presences (id, reference, worker_id, employer_kbo, workplace, day, site_id, state, reception_number,
    error_code, remarks, tries, alone, created_ms)
  SELECT n, 'BC' || n, 1 + n % 1000, '0' || 400000001 + n % 20, '1Y1TEST' || 10001 + n % 20 || 'Z',
    date '2025-12-31' - (n / 200)::int, 1 + n % 20, 'VALIDATED', 100000000 + n, 0, '[]', 1, false,
    1767000000000 - n * 400000
  FROM generate_series(1::bigint, 20000) n;
INSERT INTO attempts (presence_id, call, request_hash, sent_ms)
  SELECT n, 'call ' || n / 200, '', n FROM generate_series(1::bigint, 20000) n;
INSERT INTO receptions (presence_id, number, seen_ms)
  SELECT n, 100000000 + n, n FROM generate_series(1::bigint, 20000) n;
INSERT INTO records SELECT 1 + n % 40, n / 40, decode(repeat('00', 64), 'hex'), true, 1600000000000 + n
  FROM generate_series(1::bigint, 20000) n;
INSERT INTO punches (clock_id, seq, site_id, token, direction, utc_ms, state, worker_id, presence_id, received_ms)
  SELECT 1 + n % 40, n / 40, 1 + n % 20, int8send(n % 1000), 1, 1600000000000 + n,
    CASE WHEN n % 100 = 0 THEN 'DUPLICATE' ELSE 'DECLARED' END, 1 + n % 1000,
    CASE WHEN n % 100 <> 0 THEN n END, 1600000000000 + n FROM generate_series(1::bigint, 20000) n;
INSERT INTO receipts (clock_id, number, seq, state, error_code, reception_number, created_ms)
  SELECT 1 + n % 40, n / 40, n / 40, 1, 0, 0, 1600000000000 + n FROM generate_series(1::bigint, 20000) n;
INSERT INTO events (severity, kind, clock, detail, times, first_ms, last_ms)
  SELECT 'info', 'kind ' || n % 30, 'grown-' || 1 + n % 40, 'what happened', 1, n, n FROM generate_series(1::bigint, 20000) n;
INSERT INTO acts (at_ms, operator, act, subject, reason, detail, hash)
  SELECT n, 'grown', 'badge_assigned', 'badge ' || n, '', '{}', '' FROM generate_series(1::bigint, 20000) n;
INSERT INTO corrections (presence_id, kind, code, why, by, asked_ms, done_ms, replacement_id)
  SELECT n, 'cancel', 'error', 'why', 'grown', 1, 2, n + 1 FROM generate_series(1::bigint, 10000) n;
INSERT INTO filings (presence_id, kind, day, why, by, asked_ms, done_ms)
  SELECT n, 'cancel', date '2025-12-31', 'why', 'grown', 1, 2 FROM generate_series(1::bigint, 10000) n;
INSERT INTO quarantine (clock_id, seq, raw, sha256, reason, received_ms)
  SELECT 1 + n % 40, n, decode(repeat('00', 64), 'hex'), int8send(n), 'seal', n FROM generate_series(1::bigint, 10000) n;
SET session_replication_role = origin;
ANALYZE;
