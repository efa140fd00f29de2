-- Herald's first schema. Every point was measured before it was chosen; docs/architecture.md says what and why.

CREATE TYPE channel AS ENUM ('sms', 'email', 'webhook');
CREATE TYPE gateway AS ENUM ('live', 'sandbox');
-- The order is rank: facts only move a delivery up. src/domain/delivery.ts has the same order.
CREATE TYPE delivery_status AS ENUM (
  'queued', 'sending', 'unknown', 'sent', 'failed', 'undelivered', 'delivered',
  'suppressed', 'expired', 'cancelled'
);

-- ── the installation ────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE installation (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 12),
  -- Encrypts row numbers into the opaque ids that outsiders see; never leaves the database.
  id_key bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text, '-', ''), 'hex') CHECK (octet_length(id_key) = 16),
  -- HMAC of a fixed text under HERALD_SECRET: a wrong secret is noticed at start, not at the first unreadable row.
  secret_check bytea,
  live_since timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

-- ── people and keys ─────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (name <> ''),
  role text NOT NULL CHECK (role IN ('author', 'approver', 'admin')),
  created_at timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz
);

CREATE TABLE api_keys (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  -- SHA-256 of a 256-bit random key: nothing to guess, so a slow hash would buy nothing.
  key_sha256 bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

CREATE TABLE idempotency_keys (
  user_id bigint NOT NULL REFERENCES users,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  request_sha256 bytea NOT NULL,
  -- NULL while the first request is under way.
  status int,
  body text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- ── the office's lists ──────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE topics (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  names jsonb NOT NULL DEFAULT '{}',
  archived_at timestamptz
);
CREATE TABLE districts (LIKE topics INCLUDING ALL);

CREATE TABLE cases (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reference text NOT NULL UNIQUE CHECK (reference <> ''),
  title text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- ── citizens and outlets ────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE subscribers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text,
  locale text NOT NULL,
  -- Empty: everything.
  topics int[] NOT NULL DEFAULT '{}',
  districts int[] NOT NULL DEFAULT '{}',
  consent_at timestamptz NOT NULL,
  consent_source text NOT NULL CHECK (consent_source <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE contacts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscriber_id bigint NOT NULL REFERENCES subscribers ON DELETE CASCADE,
  channel channel NOT NULL CHECK (channel IN ('sms', 'email')),
  -- Normalised: E.164, or a mailbox with its domain in lower case.
  address text NOT NULL CHECK (address <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (channel, address)
);
CREATE INDEX contacts_subscriber ON contacts (subscriber_id);

CREATE TABLE suppressions (
  channel channel NOT NULL,
  address text NOT NULL,
  reason text NOT NULL CHECK (reason IN ('left', 'opted-out', 'bounced', 'blocked')),
  source text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (channel, address)
);

-- Citizens' messages (STOP, START …) that were acted on, by the provider's id: one that is told again changes nothing.
CREATE TABLE inbound_messages (
  id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE endpoints (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  outlet text NOT NULL CHECK (outlet <> ''),
  url text NOT NULL,
  -- AES-256-GCM under a purpose key of HERALD_SECRET; newest first. Signed with each during rotation.
  sealed_secrets bytea[] NOT NULL CHECK (cardinality(sealed_secrets) BETWEEN 1 AND 2),
  topics int[] NOT NULL DEFAULT '{}',
  districts int[] NOT NULL DEFAULT '{}',
  -- Counts what was addressed to this endpoint, so that a newsroom sees a gap.
  last_sequence int NOT NULL DEFAULT 0,
  disabled_at timestamptz,
  disabled_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  removed_at timestamptz,
  CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
CREATE UNIQUE INDEX endpoints_url ON endpoints (url) WHERE removed_at IS NULL;

CREATE TABLE imports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_by bigint REFERENCES users,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
  rows_read int NOT NULL DEFAULT 0,
  taken int NOT NULL DEFAULT 0,
  refused int NOT NULL DEFAULT 0,
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE TABLE import_refusals (
  import_id bigint NOT NULL REFERENCES imports ON DELETE CASCADE,
  line int NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (import_id, line)
);

-- ── announcements ───────────────────────────────────────────────────────────────────────────────────────────

-- The exact sources a revision is rendered with; shared by revisions with the same bytes.
CREATE TABLE template_bundles (
  sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
  bundle jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE announcements (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id bigint NOT NULL REFERENCES cases,
  kind text NOT NULL CHECK (kind IN ('notice', 'update', 'correction', 'retraction')),
  supersedes bigint REFERENCES announcements,
  urgency text NOT NULL CHECK (urgency IN ('urgent', 'normal', 'routine')),
  mode text NOT NULL CHECK (mode IN ('live', 'exercise')),
  state text NOT NULL DEFAULT 'draft' CHECK (state IN
    ('draft', 'submitted', 'approved', 'sending', 'paused', 'completed', 'rejected', 'cancelled', 'expired')),
  -- The current revision's number.
  revision int NOT NULL DEFAULT 1,
  -- Fixed at approval, for ever.
  gateway gateway,
  scheduled_at timestamptz,
  expires_at timestamptz,
  created_by bigint NOT NULL REFERENCES users,
  created_at timestamptz NOT NULL DEFAULT now(),
  submitted_at timestamptz,
  approved_by bigint REFERENCES users,
  approved_at timestamptz,
  first_sent_at timestamptz,
  ended_at timestamptz,
  -- Why it is paused, returned, rejected or cancelled, in words for the press office.
  reason text,
  CHECK ((kind = 'notice') = (supersedes IS NULL)),
  CHECK (state IN ('draft', 'submitted', 'rejected', 'cancelled', 'expired')
         OR (approved_at IS NOT NULL AND approved_by IS NOT NULL AND gateway IS NOT NULL AND expires_at IS NOT NULL)),
  CHECK ((state IN ('completed', 'rejected', 'cancelled', 'expired')) = (ended_at IS NOT NULL))
);
CREATE INDEX announcements_supersedes ON announcements (supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX announcements_open ON announcements (state) WHERE state NOT IN ('completed', 'rejected');

CREATE TABLE revisions (
  announcement_id bigint NOT NULL REFERENCES announcements ON DELETE CASCADE,
  number int NOT NULL CHECK (number >= 1),
  author_id bigint NOT NULL REFERENCES users,
  draft jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Set at submission: the frozen templates, and the hash over draft and templates that approval binds to.
  bundle_sha256 bytea REFERENCES template_bundles,
  sha256 bytea,
  PRIMARY KEY (announcement_id, number),
  CHECK ((bundle_sha256 IS NULL) = (sha256 IS NULL))
);

-- Who did what to an announcement, and why.
CREATE TABLE announcement_acts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  announcement_id bigint NOT NULL REFERENCES announcements ON DELETE CASCADE,
  revision int NOT NULL,
  act text NOT NULL,
  -- NULL: Herald itself.
  user_id bigint REFERENCES users,
  reason text,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX announcement_acts_announcement ON announcement_acts (announcement_id, id);

-- How far the fan-out of an approved announcement has come. Committed with the approval itself.
CREATE TABLE expansions (
  announcement_id bigint PRIMARY KEY REFERENCES announcements ON DELETE CASCADE,
  channels channel[] NOT NULL,
  topics int[] NOT NULL,
  districts int[] NOT NULL,
  -- Outlets first; then those who got the superseded text; then the audience.
  phase text NOT NULL DEFAULT 'endpoints' CHECK (phase IN ('endpoints', 'reached', 'audience', 'done')),
  -- Keyset cursor within the phase, and the highest contact id at approval.
  cursor bigint NOT NULL DEFAULT 0,
  upper_contact bigint NOT NULL,
  next_n int NOT NULL DEFAULT 1,
  generation int NOT NULL DEFAULT 0,
  enqueued_at timestamptz
);
CREATE INDEX expansions_open ON expansions (announcement_id) WHERE phase <> 'done';

-- ── deliveries ──────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE deliveries (
  announcement_id bigint NOT NULL,
  n int NOT NULL,
  channel channel NOT NULL,
  status delivery_status NOT NULL DEFAULT 'queued',
  -- Counts claims; a result is matched on it. `tries` counts those that used an attempt up.
  attempt smallint NOT NULL DEFAULT 0,
  tries smallint NOT NULL DEFAULT 0,
  segments smallint,
  worker_id int,
  -- An endpoint's for webhooks.
  contact_id bigint NOT NULL,
  sequence int,
  claimed_at timestamptz,
  -- When a queued row may be tried again, or an unknown one be settled. NULL: now.
  due_at timestamptz,
  -- Whom it goes to, normalised; an endpoint's id for webhooks.
  address_key text NOT NULL,
  locale text NOT NULL,
  provider_message_id text,
  error_code text,
  PRIMARY KEY (announcement_id, n),
  UNIQUE (announcement_id, channel, address_key),
  CHECK (status NOT IN ('sending', 'unknown') OR (attempt > 0 AND claimed_at IS NOT NULL)),
  CHECK (status <> 'unknown' OR due_at IS NOT NULL),
  CHECK (status NOT IN ('sent', 'delivered') OR provider_message_id IS NOT NULL),
  CHECK (status NOT IN ('failed', 'undelivered') OR error_code IS NOT NULL)
) WITH (fillfactor = 70);

CREATE TABLE delivery_events (
  announcement_id bigint NOT NULL,
  n int NOT NULL,
  -- The same fact told twice has the same key.
  dedupe text NOT NULL,
  type text NOT NULL,
  attempt smallint,
  source text NOT NULL,
  code text,
  detail text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (announcement_id, n, dedupe)
);

CREATE TABLE shards (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  announcement_id bigint NOT NULL,
  channel channel NOT NULL,
  gateway gateway NOT NULL,
  -- 1 soonest: BullMQ's.
  priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
  from_n int NOT NULL,
  to_n int NOT NULL CHECK (to_n >= from_n),
  -- A webhook's later attempts run in a shard of their own; the first ones share one.
  retry boolean NOT NULL DEFAULT false,
  -- The earliest of its rows; NULL: nothing left to do.
  due_at timestamptz,
  generation int NOT NULL DEFAULT 0,
  enqueued_at timestamptz,
  claimed_by int,
  claimed_at timestamptz,
  -- How many workers died holding it.
  deaths smallint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX shards_due ON shards (channel, priority, due_at) WHERE due_at IS NOT NULL AND claimed_by IS NULL;
CREATE INDEX shards_claimed ON shards (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX shards_announcement ON shards (announcement_id, channel, from_n);

-- Signed deltas, in the change's own transaction; 16 slots so that workers do not queue for one row.
CREATE TABLE delivery_counts (
  announcement_id bigint NOT NULL,
  channel channel NOT NULL,
  status delivery_status NOT NULL,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 15),
  n bigint NOT NULL,
  segments bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (announcement_id, channel, status, slot)
) WITH (fillfactor = 50);

-- Milliseconds from approval (or schedule) to sent, in buckets of a factor 1.1.
CREATE TABLE send_latencies (
  announcement_id bigint NOT NULL,
  channel channel NOT NULL,
  bucket smallint NOT NULL,
  slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 15),
  n bigint NOT NULL,
  max_ms bigint NOT NULL,
  PRIMARY KEY (announcement_id, channel, bucket, slot)
) WITH (fillfactor = 50);

-- ── workers, breakers, limits ───────────────────────────────────────────────────────────────────────────────

CREATE TABLE workers (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  host text NOT NULL,
  pid int NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Left by itself, or declared dead.
  ended_at timestamptz,
  died boolean NOT NULL DEFAULT false
);
CREATE INDEX workers_alive ON workers (heartbeat_at) WHERE ended_at IS NULL;

CREATE TABLE sweeper (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  turn_at timestamptz NOT NULL DEFAULT 'epoch',
  -- Until then nobody is declared dead: after an absence, a silent worker may only have been unheard.
  bury_from timestamptz NOT NULL DEFAULT 'epoch'
);
INSERT INTO sweeper DEFAULT VALUES;

-- A row is an open breaker: the channel's provider refuses us, so nothing is sent until a probe works.
CREATE TABLE breakers (
  provider text NOT NULL,
  channel channel NOT NULL,
  gateway gateway NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now(),
  probe_at timestamptz NOT NULL,
  PRIMARY KEY (channel, gateway)
);

CREATE TABLE limits (
  bucket text PRIMARY KEY,
  -- GCRA's theoretical arrival time, seconds since the epoch on this server's clock.
  tat double precision NOT NULL DEFAULT 0,
  -- When each priority last asked and got nothing: index 1 is priority 1.
  waiting double precision[] NOT NULL DEFAULT '{0,0,0,0}'
);
