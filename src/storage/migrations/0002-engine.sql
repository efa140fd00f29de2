-- What keeps the engine's promises: quiet hours, the lane for single messages, receipts that never came.

-- ── quiet hours ─────────────────────────────────────────────────────────────────────────────────────────────

-- OFFICE_TIMEZONE, written at start, so that every process and every statement reckons alike.
ALTER TABLE installation ADD COLUMN timezone text NOT NULL DEFAULT 'Asia/Shanghai';

-- Local times between which only urgent messages leave on a channel; `starts` after `ends` spans midnight.
CREATE TABLE quiet_hours (
  channel channel PRIMARY KEY,
  starts time(0) NOT NULL,
  ends time(0) NOT NULL,
  CHECK (starts <> ends)
);

-- The end of the quiet hours that a channel is in at an instant; NULL: none. They are reckoned as instants, one
-- interval a local day, so that a night on which the clocks change begins and ends once.
CREATE FUNCTION quiet_until(which channel, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT max(night.ends)
  FROM quiet_hours q CROSS JOIN installation i CROSS JOIN generate_series(-1, 1) AS offset_days
  CROSS JOIN LATERAL (SELECT (at AT TIME ZONE i.timezone)::date + offset_days AS day) local
  CROSS JOIN LATERAL (
    SELECT (local.day + q.starts) AT TIME ZONE i.timezone AS starts,
      (local.day + (q.ends < q.starts)::int + q.ends) AT TIME ZONE i.timezone AS ends
  ) night
  WHERE q.channel = which AND night.starts <= at AND at < night.ends
$$;

-- ── single messages ─────────────────────────────────────────────────────────────────────────────────────────

-- A message to one person (an approval request, a sign-up code) is an announcement to one, without a case.
ALTER TABLE announcements ALTER COLUMN case_id DROP NOT NULL;
ALTER TABLE announcements DROP CONSTRAINT announcements_kind_check;
ALTER TABLE announcements ADD CONSTRAINT announcements_kind_check
  CHECK (kind IN ('notice', 'update', 'correction', 'retraction', 'message'));
ALTER TABLE announcements ADD CONSTRAINT announcements_case_check CHECK ((kind = 'message') = (case_id IS NULL));
ALTER TABLE announcements DROP CONSTRAINT announcements_check;
ALTER TABLE announcements ADD CONSTRAINT announcements_supersedes_check
  CHECK ((kind IN ('notice', 'message')) = (supersedes IS NULL));

-- ── shards that kill their workers ──────────────────────────────────────────────────────────────────────────

-- Those that are set apart (domain/retry.ts); there are hardly ever any.
CREATE INDEX shards_set_apart ON shards (id) WHERE deaths >= 3 AND due_at IS NOT NULL;

-- ── imports that nobody goes on with ────────────────────────────────────────────────────────────────────────

-- When it last took a batch: one whose process was killed is found by it.
ALTER TABLE imports ADD COLUMN touched_at timestamptz NOT NULL DEFAULT now();

-- ── receipts that never came ────────────────────────────────────────────────────────────────────────────────

-- When the provider is asked about sent messages without a receipt; NULL: nothing to ask, or asked. Written with each
-- claim, so that it outlives the worker, and reckoned from the rows when the shard is put back.
ALTER TABLE shards ADD COLUMN ask_receipts_at timestamptz;
CREATE INDEX shards_asking ON shards (ask_receipts_at) WHERE ask_receipts_at IS NOT NULL AND claimed_by IS NULL;
-- How many of its sent messages have no receipt, now that the provider was asked.
ALTER TABLE shards ADD COLUMN without_receipt int NOT NULL DEFAULT 0;
