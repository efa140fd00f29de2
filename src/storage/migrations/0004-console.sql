-- The press office's console: people who sign in, and what they do together before something is sent.

-- ── who signs in ────────────────────────────────────────────────────────────────────────────────────────────

-- All of it may be missing: a user who was added for an API key has nothing to sign in with until they are invited.
ALTER TABLE users
  ADD login text CHECK (login <> ''),
  -- Where approvers are called; E.164, and a mailbox.
  ADD phone text CHECK (phone <> ''),
  ADD email text CHECK (email <> ''),
  -- Of the console; NULL: the browser's, and the system's.
  ADD locale text,
  ADD theme text CHECK (theme IN ('light', 'dark')),
  -- Argon2id, PHC string.
  ADD password_hash text,
  ADD totp_sealed bytea,
  -- The newest time step (RFC 6238) that was used: none is taken twice.
  ADD totp_step bigint,
  ADD CHECK (totp_step IS NULL OR totp_sealed IS NOT NULL);
CREATE UNIQUE INDEX users_login ON users (lower(login));

CREATE TABLE passkeys (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  credential_id text NOT NULL UNIQUE,
  public_key bytea NOT NULL,
  sign_count bigint NOT NULL,
  transports text[] NOT NULL DEFAULT '{}',
  name text NOT NULL CHECK (name <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- What an authenticator is asked to sign; taken once. Expired ones are removed when new ones are made.
CREATE TABLE passkey_challenges (
  challenge text PRIMARY KEY,
  -- NULL: to sign in, whoever it is.
  user_id bigint REFERENCES users,
  expires_at timestamptz NOT NULL
);

-- SHA-256 of 80 random bits.
CREATE TABLE recovery_codes (
  user_id bigint NOT NULL REFERENCES users,
  code_sha256 bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (user_id, code_sha256)
);

CREATE TABLE invitations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  token_sha256 bytea NOT NULL UNIQUE,
  created_by bigint REFERENCES users,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- Used, or replaced by a newer one.
  ended_at timestamptz
);
CREATE INDEX invitations_open ON invitations (user_id) WHERE ended_at IS NULL;

CREATE TABLE sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  -- SHA-256 of 256 random bits; a new token at every rise of privilege.
  token_sha256 bytea NOT NULL UNIQUE,
  -- At sign-in: a session ends with the role that it was opened with.
  role text NOT NULL,
  user_agent text NOT NULL,
  address text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  second_factor_at timestamptz,
  ended_at timestamptz
);
CREATE INDEX sessions_open ON sessions (user_id) WHERE ended_at IS NULL;

-- Attempts that failed or are under way. `subject` is a hash: people type passwords where logins belong.
CREATE TABLE sign_in_attempts (
  subject bytea PRIMARY KEY,
  failures int NOT NULL,
  last_at timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
CREATE INDEX sign_in_attempts_age ON sign_in_attempts (last_at);

-- ── approvers are called ────────────────────────────────────────────────────────────────────────────────────

-- Who is on duty when; the lowest position is called first.
CREATE TABLE rota (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
  position smallint NOT NULL DEFAULT 1 CHECK (position BETWEEN 1 AND 99),
  created_by bigint REFERENCES users,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rota_time ON rota (ends_at);

-- Who was asked to approve a submission: once each. What is written down here goes out in the same transaction.
CREATE TABLE approver_calls (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  announcement_id bigint NOT NULL REFERENCES announcements ON DELETE CASCADE,
  revision int NOT NULL,
  -- The announcement's: what was returned and is submitted again is called for again.
  submitted_at timestamptz NOT NULL,
  user_id bigint NOT NULL REFERENCES users,
  -- NULL: they came by themselves and said that they are looking.
  called_at timestamptz DEFAULT now(),
  -- By which they could be called; none: the next one's turn came at once.
  channels channel[] NOT NULL DEFAULT '{}',
  -- When the next one is called, unless it is decided by then.
  escalate_at timestamptz NOT NULL,
  escalated_at timestamptz,
  -- They decided, or said that they are looking.
  answered_at timestamptz,
  UNIQUE (announcement_id, revision, submitted_at, user_id),
  CHECK (called_at IS NOT NULL OR answered_at IS NOT NULL)
);
ALTER TABLE announcements ADD nobody_left_at timestamptz;

-- An approval by one who may not have approved, because nobody else answered. Marked for ever.
ALTER TABLE announcements ADD break_glass_reason text CHECK (break_glass_reason <> '');

-- ── working on a text together ──────────────────────────────────────────────────────────────────────────────

-- What an approver would change; who takes it over is its author, so that the approver may still approve.
CREATE TABLE suggestions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  announcement_id bigint NOT NULL REFERENCES announcements ON DELETE CASCADE,
  revision int NOT NULL,
  user_id bigint NOT NULL REFERENCES users,
  content jsonb NOT NULL,
  note text,
  created_at timestamptz NOT NULL DEFAULT now(),
  decision text CHECK (decision IN ('accepted', 'declined')),
  decided_by bigint REFERENCES users,
  decided_at timestamptz,
  CHECK ((decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL))
);
CREATE INDEX suggestions_announcement ON suggestions (announcement_id, id);

-- ── outlets ─────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE endpoint_tests (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  endpoint_id bigint NOT NULL REFERENCES endpoints ON DELETE CASCADE,
  user_id bigint REFERENCES users,
  at timestamptz NOT NULL DEFAULT now(),
  -- An HTTP status, or why there is none.
  status int,
  error text,
  ms int
);
CREATE INDEX endpoint_tests_endpoint ON endpoint_tests (endpoint_id, id);

-- ── citizens ────────────────────────────────────────────────────────────────────────────────────────────────

-- Why the office blocked an address, in its own words.
ALTER TABLE suppressions ADD note text CHECK (note <> '');
CREATE INDEX suppressions_blocked ON suppressions (created_at) WHERE reason = 'blocked';

-- Sent to a phone whose owner wants to leave and can neither open a link nor answer.
CREATE TABLE leave_codes (
  -- No foreign key: a contact that is gone leaves nothing here that says who it was, and old rows are removed.
  contact_id bigint PRIMARY KEY,
  -- HMAC of number and code; NULL: it was used.
  code_hmac bytea,
  sent_at timestamptz NOT NULL DEFAULT now(),
  tries smallint NOT NULL DEFAULT 0,
  -- How many within a day, and since when.
  sent int NOT NULL DEFAULT 1,
  day_began_at timestamptz NOT NULL DEFAULT now()
);
