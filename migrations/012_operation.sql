-- The audit trail, and failures of jobs.

-- Who changed what, when and from where. Rows are only added.
CREATE TABLE audit_entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  -- such as 'operator root', 'administrator 2345678901', 'recovery'
  actor text NOT NULL,
  -- such as 'command line', 'api 192.0.2.1'
  origin text NOT NULL,
  action text NOT NULL,
  account bigint,
  detail jsonb NOT NULL
);
CREATE INDEX audit_entry_account ON audit_entry (account, id);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- How often jobs of each queue have failed. It is stored here because any process of the service
-- may run the job, and any process may report the number.
CREATE TABLE job_failure (
  queue text PRIMARY KEY,
  failures bigint NOT NULL DEFAULT 0
);
