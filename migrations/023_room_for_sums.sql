-- Sums have room for as many of the largest amounts as there may ever be. More digits before the
-- point rewrite no table.

ALTER TABLE balance ALTER COLUMN cash TYPE numeric(38, 6);
ALTER TABLE ledger_entry ALTER COLUMN amount TYPE numeric(38, 6);
ALTER TABLE hold ALTER COLUMN amount TYPE numeric(38, 6);
ALTER TABLE call_hour ALTER COLUMN amount TYPE numeric(38, 6);
ALTER TABLE call_retired ALTER COLUMN amount TYPE numeric(38, 6);
ALTER TABLE call_sum
  ALTER COLUMN amount TYPE numeric(38, 6),
  ALTER COLUMN debited TYPE numeric(38, 6);
