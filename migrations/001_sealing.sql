-- Keys that seal and digest credentials. A key has versions, and the keys of several secret key
-- files may wrap it. So both can be replaced while the service runs.

CREATE TABLE data_key (
  purpose text NOT NULL CHECK (purpose IN ('seal', 'digest')),
  version integer NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 65535),
  -- the fingerprint of the secret key file's key that wrapped it
  file_key text NOT NULL DEFAULT '',
  wrapped bytea NOT NULL,
  PRIMARY KEY (purpose, version, file_key)
);
