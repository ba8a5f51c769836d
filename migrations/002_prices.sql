-- How numbers are dialled in the countries of feeds and accounts. The regular expressions and the
-- rule are libphonenumber's, and mean the same in PostgreSQL and JavaScript.
CREATE TABLE numbering_plan (
  country text PRIMARY KEY CHECK (country ~ '^[A-Z]{2}$'),
  calling_code text NOT NULL CHECK (calling_code ~ '^[1-9][0-9]{0,2}$'),
  -- dialled before a country code
  international_prefix text NOT NULL,
  -- dialled before a number of the country; and its replacement, where the expression has groups
  national_prefix text NOT NULL,
  national_rule text NOT NULL,
  -- the country's numbers, and those that are dialled without the national prefix
  numbers text NOT NULL,
  bare_numbers text NOT NULL,
  -- a prefix that begins with 0, unlike any country code: a number of the country follows it
  trunk_prefix text NOT NULL CHECK (trunk_prefix ~ '^(0[0-9]*)?$')
);
INSERT INTO numbering_plan VALUES ('US', '1', '011', '1', '', '[2-9][0-9]{2}[2-9][0-9]{6}',
  '[2-9][0-9]{2}[2-9][0-9]{6}', '');

-- The number for digits dialled in a country, in the form of the service's `dialledNumber`, which
-- does the same for a feed's country. NULL where there is no such number. Other text is unchanged.
CREATE FUNCTION dialled_number(dialled text, plan numbering_plan) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  digits text := dialled;
  parts text[];
  rest text;
BEGIN
  IF dialled !~ '^[+]?[0-9]+$' THEN RETURN dialled; END IF;
  IF starts_with(dialled, '+') THEN
    digits := substr(dialled, 2);
    IF starts_with(digits, '0') THEN RETURN NULL; END IF;
  ELSIF plan.calling_code = '1' THEN
    IF length(dialled) >= 8 THEN
      digits := regexp_replace(dialled, '^([2-9][0-9]{2}[2-9][0-9]{6})$', '1\1');
      digits := regexp_replace(digits, '^(?:011|00)(?=[1-9])', '');
    END IF;
  ELSIF dialled ~ ('^(?:' || plan.international_prefix || ')(?=[1-9])') THEN
    digits := regexp_replace(dialled, '^(?:' || plan.international_prefix || ')(?=[1-9])', '');
  ELSE
    IF plan.national_rule = '' AND plan.national_prefix <> '' THEN
      rest := regexp_replace(dialled, '^(?:' || plan.national_prefix || ')', '');
    ELSIF plan.national_prefix <> '' THEN
      parts := regexp_match(dialled, '^(?:' || plan.national_prefix || ')');
      rest := CASE WHEN parts IS NOT NULL THEN regexp_replace(dialled, '^(?:' || plan.national_prefix || ')',
        CASE WHEN cardinality(array_remove(parts, NULL)) > 0
            AND plan.national_prefix ~ '[(](?![?])'
          THEN regexp_replace(plan.national_rule, '[$]([0-9])', '\\\1', 'g') ELSE '' END) END;
    END IF;
    digits := CASE
      WHEN rest <> dialled AND rest ~ ('^(?:' || plan.numbers || ')$') THEN plan.calling_code || rest
      WHEN plan.bare_numbers <> '' AND dialled ~ ('^(?:' || plan.bare_numbers || ')$')
        THEN plan.calling_code || dialled
      WHEN plan.trunk_prefix <> '' AND starts_with(dialled, plan.trunk_prefix)
          AND length(dialled) >= 8
          AND substr(dialled, length(plan.trunk_prefix) + 1) ~ '^[1-9]'
        THEN plan.calling_code || substr(dialled, length(plan.trunk_prefix) + 1)
      ELSE dialled END;
  END IF;
  RETURN CASE
    WHEN length(digits) < 8 THEN digits
    WHEN left(digits, 1) >= '2' AND length(digits) <= 15 THEN '+' || digits
    WHEN digits ~ '^(011|00|1[01])' THEN NULL
    WHEN digits ~ '^0' OR length(digits) > 15 THEN digits
    WHEN digits ~ '^1[2-9][0-9]{2}[2-9][0-9]{6}$' THEN substr(digits, 2)
    ELSE '+' || digits END;
END $$;

-- Price lists: rates by the first digits of the called number, the country code first.

CREATE TABLE price_list (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  -- time zone for dates of price sheets without a zone
  time_zone text NOT NULL DEFAULT 'UTC'
);

CREATE TABLE price (
  list text NOT NULL REFERENCES price_list (name) ON DELETE CASCADE,
  -- 00 and 011 are dialled before a country code and belong to none: they would never match
  prefix text NOT NULL CHECK (prefix ~ '^[0-9]{1,15}$')
    CONSTRAINT price_prefix_fits CHECK (prefix !~ '^(00|011)[0-9]'),
  name text NOT NULL DEFAULT '',
  rate numeric(12, 6) NOT NULL CHECK (rate >= 0),
  -- The price counts for calls that started from valid_from on and before valid_until. The versions
  -- of a prefix do not overlap.
  valid_from timestamptz NOT NULL DEFAULT '-infinity',
  valid_until timestamptz NOT NULL DEFAULT 'infinity',
  -- money for each answered call, and the least that such a call costs
  connect_fee numeric(12, 6) NOT NULL DEFAULT 0 CHECK (connect_fee >= 0),
  minimum_charge numeric(12, 6) NOT NULL DEFAULT 0 CHECK (minimum_charge >= 0),
  -- both or neither; without them the account's own values count
  minimum_seconds integer CHECK (minimum_seconds >= 0),
  increment_seconds integer CHECK (increment_seconds > 0),
  PRIMARY KEY (list, prefix, valid_from),
  CONSTRAINT price_valid CHECK (valid_from < valid_until),
  CHECK ((minimum_seconds IS NULL) = (increment_seconds IS NULL))
);
-- Finds ended versions when the calls of their time are deleted.
CREATE INDEX price_ended ON price (valid_until) WHERE valid_until < 'infinity';
