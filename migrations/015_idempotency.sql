-- Answers that are given again if a client repeats a request with its Idempotency-Key.

CREATE TABLE kept_answer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- digest of the key and its scope
  digest bytea NOT NULL UNIQUE,
  -- digest of the request's content
  request bytea NOT NULL,
  -- NULL only within the transaction of the first request
  sealed bytea,
  kept_at timestamptz NOT NULL
);
CREATE INDEX kept_answer_kept_at ON kept_answer (kept_at);
