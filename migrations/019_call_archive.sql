-- Months of calls that an archive has, so their partitions may be dropped.
CREATE TABLE call_archive (
  -- the month's first day, in UTC
  month date PRIMARY KEY,
  calls bigint NOT NULL,
  -- of the archive's manifest
  manifest_sha256 text NOT NULL,
  archived_at timestamptz NOT NULL
);
