-- How often a job of each queue has failed. Kept here, since any process of a service may work it
-- and any may be asked.
CREATE TABLE job_failure (
  queue text PRIMARY KEY,
  failures bigint NOT NULL DEFAULT 0
);
