-- Answers that are given again to whoever repeats a request with its Idempotency-Key.

CREATE TABLE kept_answer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- of the key, and of what it belongs to
  digest bytea NOT NULL UNIQUE,
  -- of what was asked with it
  request bytea NOT NULL,
  -- NULL within the transaction of the first request alone
  sealed bytea,
  kept_at timestamptz NOT NULL
);
CREATE INDEX kept_answer_kept_at ON kept_answer (kept_at);
