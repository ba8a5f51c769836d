// Tables that may have millions of rows: work on each row, or an index, takes too long under a lock.
const LARGE = new Set([
  ...['account', 'audit', 'balance', 'call', 'call_rating', 'call_sum', 'hold', 'ledger_entry'],
  ...['registration', 'rejected_record', 'sip_secret'],
]);

const VOLATILE = /DEFAULT\s+\(?(gen_random_uuid|random|clock_timestamp|nextval)\b|\bGENERATED\b/i;

type Rule = [pattern: RegExp, fault: string];

// What the version before, which still runs, or its requests do not survive.
const STATEMENTS: Rule[] = [
  [/^DROP (TABLE|VIEW|FUNCTION|TYPE|SEQUENCE)\b/i, 'drops what the version before uses'],
  [/^TRUNCATE\b/i, 'deletes rows under a lock'],
  [/^LOCK\b/i, 'locks a table'],
];
const ACTIONS: Rule[] = [
  [/^DROP (COLUMN )?(?!CONSTRAINT)/i, 'drops what the version before uses'],
  [/^RENAME\b/i, 'renames what the version before uses'],
  [/^ALTER (COLUMN )?\S+ (SET DATA )?TYPE\b/i, 'rewrites the table under a lock'],
  [/^ALTER (COLUMN )?\S+ SET NOT NULL\b/i, 'refuses rows of the version before'],
  [
    /^ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b/i,
    'refuses rows of the version before: a column that is NOT NULL needs a default',
  ],
  [
    /^ADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY)\b(?!.*\bNOT VALID$)/i,
    'reads the whole table under a lock: add it NOT VALID',
  ],
  [
    /^ADD (CONSTRAINT \S+ )?(UNIQUE|PRIMARY KEY|EXCLUDE)\b(?!.*\bUSING INDEX\b)/i,
    'builds an index under a lock',
  ],
];

/**
 * What a migration does that must not be done while the version before runs under load.
 * @param existing the tables of earlier migrations; a new table may be changed in any way
 * @returns a line for each fault; none: it may run
 */
export function migrationFaults(sql: string, existing: ReadonlySet<string>): string[] {
  return statementsOf(sql).flatMap((statement) => {
    const fault = STATEMENTS.find(([pattern]) => pattern.test(statement))?.[1];
    const faults = [...(fault ? [fault] : []), ...tableFaults(statement, existing)];
    return faults.map((fault) => `${statement.slice(0, 80)}: ${fault}`);
  });
}

/** The tables that a migration creates. */
export function createdTables(sql: string): string[] {
  return statementsOf(sql).flatMap((text) => /^CREATE TABLE (\w+)/i.exec(text)?.[1] ?? []);
}

function tableFaults(statement: string, existing: ReadonlySet<string>): string[] {
  const [, altered, actions = ''] = /^ALTER TABLE (?:ONLY )?(\w+) (.*)$/i.exec(statement) ?? [];
  if (altered && existing.has(altered)) {
    return topLevel(actions).flatMap((action) => {
      const found = ACTIONS.filter(([pattern]) => pattern.test(action)).map(([, fault]) => fault);
      if (/^ADD COLUMN\b/i.test(action) && VOLATILE.test(action)) {
        found.push('rewrites the table under a lock: its default is not constant');
      }
      return found;
    });
  }
  const [, indexed] = /^CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)/i.exec(statement) ?? [];
  if (indexed && existing.has(indexed) && LARGE.has(indexed)) {
    return ['blocks writers of a large table while it is built'];
  }
  const [, changed] = /^(?:UPDATE|DELETE FROM|WITH .* UPDATE) (\w+)/i.exec(statement) ?? [];
  if (changed && existing.has(changed) && LARGE.has(changed)) {
    return ['changes the rows of a large table: let a job do it in steps'];
  }
  return [];
}

/** The statements, each on one line, without comments and bodies of functions. */
function statementsOf(sql: string): string[] {
  return sql
    .replace(/--.*$/gm, '')
    .replace(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter(Boolean);
}

/** Splits at the commas outside of parentheses. */
function topLevel(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}
