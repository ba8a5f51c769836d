-- Price lists: rates by the first digits of the called number, its country code first.

CREATE TABLE price_list (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL
);

CREATE TABLE price (
  list text NOT NULL REFERENCES price_list (name) ON DELETE CASCADE,
  -- 00 and 011 are dialled before a country code and are no part of one: they would never fit
  prefix text NOT NULL CHECK (prefix ~ '^[0-9]{1,15}$')
    CONSTRAINT price_prefix_fits CHECK (prefix !~ '^(00|011)[0-9]'),
  name text NOT NULL DEFAULT '',
  rate numeric(12, 6) NOT NULL CHECK (rate >= 0),
  -- both or neither; without them the account's own count
  minimum_seconds integer CHECK (minimum_seconds >= 0),
  increment_seconds integer CHECK (increment_seconds > 0),
  PRIMARY KEY (list, prefix),
  CHECK ((minimum_seconds IS NULL) = (increment_seconds IS NULL))
);
