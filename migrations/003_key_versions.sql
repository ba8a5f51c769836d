-- Data keys get versions, and each may be wrapped by the keys of several secret key files, so that
-- both can be replaced while the service runs.

ALTER TABLE data_key DROP CONSTRAINT data_key_pkey;
ALTER TABLE data_key
  ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 65535),
  -- the fingerprint of the secret key file's key that wrapped it
  ADD COLUMN file_key text NOT NULL DEFAULT '',
  ADD PRIMARY KEY (purpose, version, file_key);
