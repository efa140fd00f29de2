-- The audit log: who did what, when, to which revision. Rows are chained by hash; src/domain/audit.ts says how.

-- ── the chain ───────────────────────────────────────────────────────────────────────────────────────────────

-- References only, so that forgetting a citizen neither breaks the chain nor leaves anything of them in it. No foreign keys.
CREATE TABLE audit (
  -- Contiguous from 1.
  id bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  -- A user's id. NULL: Herald itself, or the operator of a command, whom `details` names.
  actor bigint,
  act text NOT NULL CHECK (act <> ''),
  subject_type text NOT NULL CHECK (subject_type <> ''),
  -- A row's id, a code, or a channel; NULL: all of the type.
  subject_id text,
  revision int,
  -- Flat: names to texts. No personal data.
  details jsonb NOT NULL CHECK (
    jsonb_typeof(details) = 'object'
    AND NOT jsonb_path_exists(details, 'strict $.* ? (@.type() <> "string")')
    AND NOT jsonb_path_exists(details, 'strict $.keyvalue() ? (!(@.key like_regex "^[A-Za-z][A-Za-z0-9]{0,63}$"))')),
  previous_sha256 bytea NOT NULL CHECK (octet_length(previous_sha256) = 32),
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32)
);
CREATE INDEX audit_subject ON audit (subject_type, subject_id, id);
CREATE INDEX audit_actor ON audit (actor, id);

-- One field of the bytes that are hashed: its length in bytes, a colon, the text, a comma; NULL is a tilde.
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(octet_length(convert_to(value, 'UTF8'))::text || ':' || value || ',', '~')
$$;

CREATE FUNCTION audit_sha256(entry audit) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to('herald-audit/1' || chr(10)
    || audit_field(encode(entry.previous_sha256, 'hex'))
    || audit_field(entry.id::text)
    || audit_field((extract(epoch FROM entry.at) * 1000000)::bigint::text)
    || audit_field(entry.actor::text)
    || audit_field(entry.act)
    || audit_field(entry.subject_type)
    || audit_field(entry.subject_id)
    || audit_field(entry.revision::text)
    || (SELECT audit_field(count(*)::text)
          || coalesce(string_agg(audit_field(d.key) || audit_field(d.value), '' ORDER BY d.key COLLATE "C"), '')
        FROM jsonb_each_text(entry.details) d), 'UTF8'))
$$;

-- Puts one row at the end of the chain. Whoever calls it holds the chain until the transaction ends: so it is called
-- at COMMIT only, by the triggers below. Details that are NULL are left out.
CREATE FUNCTION audit_append(by_user bigint, act text, subject_type text, subject_id text, revision int, details jsonb,
  at timestamptz DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  last audit;
  entry audit;
BEGIN
  PERFORM pg_advisory_xact_lock(7239847);
  SELECT * INTO last FROM audit a ORDER BY a.id DESC LIMIT 1;
  entry.id := coalesce(last.id, 0) + 1;
  entry.at := coalesce(audit_append.at, clock_timestamp());
  entry.actor := by_user;
  entry.act := audit_append.act;
  entry.subject_type := audit_append.subject_type;
  entry.subject_id := audit_append.subject_id;
  entry.revision := audit_append.revision;
  -- Commands say on their connections who runs them.
  entry.details := jsonb_strip_nulls(audit_append.details
    || jsonb_build_object('operator', nullif(current_setting('herald.operator', true), '')));
  -- The first row hangs on the installation.
  entry.previous_sha256 := coalesce(last.sha256, (SELECT sha256(convert_to('herald-audit/1 ' || i.id, 'UTF8')) FROM installation i));
  entry.sha256 := audit_sha256(entry);
  INSERT INTO audit SELECT entry.*;
END $$;

-- Against mistakes and ordinary means. It does not stop an owner of the database, who can drop it: that is what anchors
-- are for. Maintenance (docs/operations.md): SET LOCAL herald.audit_maintenance = 'on'.
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('herald.audit_maintenance', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
      USING HINT = 'docs/operations.md says how maintenance is done', ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- ── what goes into it ───────────────────────────────────────────────────────────────────────────────────────

-- Whoever acts leaves a note in the act's own transaction. At COMMIT, when nothing else is waited for, each becomes a row
-- of the chain: so the chain is held for the length of a commit, and no deadlock can come of it. Always empty outside.
CREATE TABLE audit_notes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  actor bigint,
  act text NOT NULL,
  subject_type text NOT NULL,
  subject_id text,
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE FUNCTION audit_take_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM audit_append(NEW.actor, NEW.act, NEW.subject_type, NEW.subject_id, NULL, NEW.details);
  DELETE FROM audit_notes WHERE id = NEW.id;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_notes_taken AFTER INSERT ON audit_notes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION audit_take_note();

-- Every act on an announcement, whoever writes it down. Reasons are people's words: they stay where the act is.
CREATE FUNCTION audit_announcement_act(act announcement_acts, at timestamptz, source text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  what text;
  hash text;
BEGIN
  SELECT CASE a.kind WHEN 'message' THEN 'message' ELSE 'announcement' END, encode(r.sha256, 'hex') INTO what, hash
  FROM announcements a LEFT JOIN revisions r ON r.announcement_id = a.id AND r.number = act.revision
  WHERE a.id = act.announcement_id;
  -- Of a single message the sending is the act; what became of it is its delivery's.
  IF what = 'message' AND act.act <> 'send' THEN RETURN; END IF;
  PERFORM audit_append(act.user_id, act.act, coalesce(what, 'announcement'), act.announcement_id::text, act.revision,
    jsonb_build_object('record', act.id::text, 'source', source,
      'sha256', CASE WHEN act.act IN ('submit', 'approve', 'send') THEN hash END), at);
END $$;
CREATE FUNCTION audit_take_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM audit_announcement_act(NEW, NULL, NULL);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER announcement_acts_audited AFTER INSERT ON announcement_acts DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION audit_take_act();

-- The chain begins. What was done before follows with its own time, and says that the migration wrote it.
SELECT audit_append(NULL, 'begin', 'audit', NULL, NULL, '{}');
DO $$
DECLARE
  past announcement_acts;
BEGIN
  FOR past IN SELECT * FROM announcement_acts ORDER BY id LOOP
    PERFORM audit_announcement_act(past, past.at, 'migration');
  END LOOP;
END $$;

-- ── messages by Herald itself ───────────────────────────────────────────────────────────────────────────────

-- A single message that no user asked for (the daily anchor) has no author and no approver.
ALTER TABLE announcements ALTER COLUMN created_by DROP NOT NULL;
ALTER TABLE announcements ADD CONSTRAINT announcements_author_check CHECK (kind = 'message' OR created_by IS NOT NULL);
ALTER TABLE announcements DROP CONSTRAINT announcements_check1;
ALTER TABLE announcements ADD CONSTRAINT announcements_approval_check
  CHECK (state IN ('draft', 'submitted', 'rejected', 'cancelled', 'expired')
         OR (approved_at IS NOT NULL AND (kind = 'message' OR approved_by IS NOT NULL) AND gateway IS NOT NULL AND expires_at IS NOT NULL));
ALTER TABLE revisions ALTER COLUMN author_id DROP NOT NULL;
