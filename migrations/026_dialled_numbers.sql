-- Numbers are kept as src/domain/phone-number.ts writes them: ten digits where they are North
-- American, else a plus and the country code; prefixes begin with the country code.

CREATE FUNCTION pg_temp.dialled(entered text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
      WHEN digits ~ '^1[2-9][0-9]{2}[2-9][0-9]{6}$' THEN substr(digits, 2)
      WHEN digits ~ '^[1-9][0-9]{7,14}$' THEN '+' || digits
      ELSE digits END
  FROM (SELECT CASE
      WHEN plain ~ '^[2-9][0-9]{2}[2-9][0-9]{6}$' THEN '1' || plain
      WHEN plain ~ '^([+]|00|011)[1-9][0-9]{7,14}$' THEN regexp_replace(plain, '^([+]|00|011)', '')
      ELSE plain END AS digits
    FROM (SELECT translate(entered, ' -.()', '') AS plain) p) d
$$;

-- Of several spellings of one number in use the oldest takes its form, and the others stay as they
-- are: which of the accounts has it is the operator's to say.
UPDATE number n SET number = f.dialled
FROM (SELECT DISTINCT ON (pg_temp.dialled(number)) id, pg_temp.dialled(number) AS dialled
    FROM number WHERE removed_at IS NULL
    ORDER BY pg_temp.dialled(number), number <> pg_temp.dialled(number), added_at, id) f
WHERE n.id = f.id AND n.number <> f.dialled;
UPDATE number SET number = pg_temp.dialled(number)
WHERE removed_at IS NOT NULL AND number <> pg_temp.dialled(number);

UPDATE price p SET prefix = f.prefix
FROM (SELECT DISTINCT ON (list, regexp_replace(prefix, '^(00|011)', '')) list, prefix AS entered,
      regexp_replace(prefix, '^(00|011)', '') AS prefix
    FROM price WHERE prefix ~ '^(00|011)[1-9]'
    ORDER BY list, regexp_replace(prefix, '^(00|011)', ''), prefix) f
WHERE p.list = f.list AND p.prefix = f.entered
  AND NOT EXISTS (SELECT FROM price o WHERE o.list = f.list AND o.prefix = f.prefix);
DELETE FROM price WHERE prefix ~ '^(00|011)[0-9]';

INSERT INTO blocked_prefix (prefix, account, reason, created_at)
SELECT regexp_replace(prefix, '^(00|011)', ''), account, reason, created_at FROM blocked_prefix
WHERE prefix ~ '^(00|011)[1-9]'
ON CONFLICT ON CONSTRAINT blocked_prefix_once DO NOTHING;
DELETE FROM blocked_prefix WHERE prefix ~ '^(00|011)[0-9]';

UPDATE hold SET called = pg_temp.dialled(called) WHERE called <> pg_temp.dialled(called);
-- Only these would be priced otherwise when they are priced again.
UPDATE call SET called = pg_temp.dialled(called)
WHERE called ~ '^[-0-9 .()+]*$' AND called ~ '^(00|011)|[- .()]';

-- What no number begins with would never fit.
ALTER TABLE price ADD CONSTRAINT price_prefix_fits CHECK (prefix !~ '^(00|011)[0-9]');
ALTER TABLE blocked_prefix ADD CONSTRAINT blocked_prefix_fits CHECK (prefix !~ '^(00|011)[0-9]');
