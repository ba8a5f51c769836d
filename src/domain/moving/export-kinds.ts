import { SETTING_COLUMNS } from '../account/account-setting.ts';
import { OUTCOME_OF } from '../calls/call-outcome.ts';

type Type = 'timestamptz' | 'bigint' | 'uuid' | 'text';

/** What is exported, as SQL. Secrets, hashes and sealed columns are in none. */
export interface ExportKind {
  from: string;
  /** SQL by the names that the operators' API uses */
  members: Record<string, string>;
  /** the order, which is the cursor: SQL and type */
  order: [string, Type][];
  /**
   * SQL of the time at which a row arrived or was changed. With it, an export continues after the
   * last one. Without it, rows may change unseen, so each export has all of them.
   */
  arrival?: string;
  /** an export continues after the last one by the order alone */
  isNumbered?: true;
}

const time = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
/** Ids and money are texts, which no client rounds. */
const text = (column: string) => `${column}::text`;

/** Members of columns by their names: `createdAt` is `created_at`. */
const membersOf =
  (sql: (column: string) => string) =>
  (table: string, ...names: string[]) =>
    Object.fromEntries(
      names.map((name) => {
        const column = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
        return [name, sql(`${table}.${column}`)];
      }),
    );
const plain = membersOf((column) => column);
const texts = membersOf(text);
const times = membersOf(time);

const MONEY = new Set(['rate', 'max_rate', 'credit_limit', 'day_limit']);
const settings = Object.fromEntries(
  SETTING_COLUMNS.map(({ name, table, column }) => {
    const sql = `${table === 'account' ? 'a' : 'b'}.${column}`;
    return [name, MONEY.has(column) ? text(sql) : sql];
  }),
);

/** All kinds of exports. */
export const EXPORT_KINDS = {
  accounts: {
    from: 'account a JOIN balance b ON b.account = a.master_account',
    members: {
      ...texts('a', 'username', 'masterAccount'),
      ...plain('a', 'role'),
      ...settings,
      sipUser: '(SELECT sip_user FROM sip_secret s WHERE s.account = a.username)',
      ...times('a', 'createdAt', 'updatedAt', 'verifiedAt', 'closedAt'),
    },
    order: [
      ['a.updated_at', 'timestamptz'],
      ['a.username', 'bigint'],
    ],
    arrival: 'a.updated_at',
  },
  balances: {
    from: 'balance b JOIN account a ON a.username = b.account',
    members: {
      ...texts('b', 'account'),
      ...plain('a', 'externalId'),
      ...texts('b', 'cash', 'held'),
      ...plain('b', 'billing'),
      ...texts('b', 'creditLimit'),
      ...plain('b', 'suspended'),
    },
    order: [['b.account', 'bigint']],
  },
  ledger: {
    from: 'ledger_entry e',
    members: {
      ...texts('e', 'id', 'account'),
      ...plain('e', 'kind'),
      ...texts('e', 'amount'),
      ...plain('e', 'reason', 'reference', 'actor'),
      ...times('e', 'createdAt'),
      ...texts('e', 'settles'),
      lines: `(SELECT coalesce(json_agg(json_build_object('month', to_char(l.month, 'YYYY-MM'),
        'item', l.item, 'owner', l.owner::text, 'name', l.name, 'days', l.days,
        'amount', l.amount::text) ORDER BY l.month, l.item, l.item_id), '[]')
        FROM charge_line l WHERE l.account = e.account AND l.entry = e.id)`,
    },
    order: [
      ['e.created_at', 'timestamptz'],
      ['e.id', 'bigint'],
    ],
    arrival: 'e.created_at',
  },
  services: {
    from: 'service i',
    members: {
      ...texts('i', 'id', 'account'),
      ...plain('i', 'description'),
      ...texts('i', 'monthly'),
      ...times('i', 'addedAt', 'removedAt'),
    },
    order: [['i.id', 'bigint']],
  },
  numbers: {
    from: 'number i',
    members: {
      ...plain('i', 'number'),
      ...texts('i', 'account', 'monthly'),
      ...times('i', 'addedAt', 'removedAt'),
    },
    order: [['i.id', 'bigint']],
  },
  prices: {
    from: 'price p',
    members: {
      ...plain('p', 'list', 'prefix', 'name'),
      ...texts('p', 'rate'),
      ...plain('p', 'minimumSeconds', 'incrementSeconds'),
      ...texts('p', 'connectFee', 'minimumCharge'),
      validFrom: `CASE WHEN isfinite(p.valid_from) THEN ${time('p.valid_from')} END`,
      validUntil: `CASE WHEN isfinite(p.valid_until) THEN ${time('p.valid_until')} END`,
    },
    order: [
      ['p.list', 'text'],
      ['p.prefix', 'text'],
      ['p.valid_from', 'timestamptz'],
    ],
  },
  calls: {
    from: 'call c',
    members: {
      id: "replace(c.id::text, '-', '')",
      start: time('c.started_at'),
      ...texts('c', 'account', 'billingAccount'),
      ...plain('c', 'caller', 'callerName', 'called', 'sourceIp'),
      talkSeconds: '(c.talk_microseconds + 999999) / 1000000',
      outcome: OUTCOME_OF,
      ...plain('c', 'billedSeconds'),
      ...texts('c', 'rate', 'amount', 'fee'),
      ...plain('c', 'debited', 'feed'),
      ...times('c', 'receivedAt'),
    },
    order: [
      ['c.received_at', 'timestamptz'],
      ['c.started_at', 'timestamptz'],
      ['c.id', 'uuid'],
    ],
    arrival: 'c.received_at',
  },
  rejected: {
    from: 'rejected_record r',
    members: {
      ...texts('r', 'id'),
      ...plain('r', 'feed', 'format', 'reason', 'detail'),
      ...times('r', 'receivedAt', 'resolvedAt'),
      rawBase64: "replace(encode(r.raw, 'base64'), e'\\n', '')",
    },
    order: [
      ['r.received_at', 'timestamptz'],
      ['r.id', 'bigint'],
    ],
    arrival: 'r.received_at',
  },
  audit: {
    from: 'audit_entry e',
    members: {
      ...texts('e', 'id'),
      ...times('e', 'at'),
      ...plain('e', 'actor', 'origin', 'action'),
      ...texts('e', 'account'),
      ...plain('e', 'detail'),
    },
    order: [
      ['e.at', 'timestamptz'],
      ['e.id', 'bigint'],
    ],
    arrival: 'e.at',
  },
  events: {
    from: 'event e',
    members: {
      id: 'e.public_id',
      ...plain('e', 'type'),
      ...texts('e', 'account'),
      ...plain('e', 'externalId'),
      timestamp: time('e.at'),
      ...plain('e', 'data'),
    },
    order: [['e.sequence', 'bigint']],
    isNumbered: true,
  },
  promotions: {
    from: 'promotion p',
    members: {
      ...plain('p', 'code'),
      ...texts('p', 'amount'),
      ...times('p', 'validUntil'),
      ...plain('p', 'usesLimit', 'uses'),
      ...times('p', 'createdAt'),
    },
    order: [['p.code', 'text']],
  },
  blocked: {
    from: 'blocked_prefix b',
    members: {
      ...plain('b', 'prefix'),
      ...texts('b', 'account'),
      ...plain('b', 'reason'),
      ...times('b', 'createdAt'),
    },
    order: [
      ['b.prefix', 'text'],
      ['coalesce(b.account, 0)', 'bigint'],
    ],
  },
  feeds: {
    from: 'feed f',
    members: {
      ...plain('f', 'name', 'format', 'networks', 'debits', 'timeZone', 'country'),
      ...times('f', 'createdAt', 'lastSeenAt'),
    },
    order: [['f.name', 'text']],
  },
  registrations: {
    from: 'registration r',
    members: {
      ...texts('r', 'account'),
      ...plain('r', 'contact', 'received', 'userAgent'),
      ...times('r', 'reportedAt', 'expiresAt'),
    },
    order: [
      ['r.account', 'bigint'],
      ['r.contact', 'text'],
    ],
  },
  holds: {
    from: 'hold h',
    members: {
      ...texts('h', 'account', 'billingAccount'),
      ...plain('h', 'callId', 'called'),
      ...texts('h', 'amount'),
      ...times('h', 'grantedAt', 'expiresAt'),
    },
    order: [
      ['h.billing_account', 'bigint'],
      ['h.call_id', 'text'],
    ],
  },
  webhooks: {
    from: 'webhook_endpoint w',
    members: {
      ...texts('w', 'id'),
      ...plain('w', 'url', 'description', 'types'),
      accounts: 'w.accounts::text[]',
      ...plain('w', 'enabled', 'disabledReason', 'createdBy'),
      ...times('w', 'createdAt'),
    },
    order: [['w.id', 'bigint']],
  },
  keys: {
    from: 'operator_key k',
    members: {
      ...plain('k', 'id', 'name', 'scopes', 'networks'),
      accounts: 'k.accounts::text[]',
      ...plain('k', 'createdBy'),
      ...times('k', 'createdAt', 'expiresAt', 'revokedAt'),
    },
    order: [['k.id', 'text']],
  },
} as const satisfies Record<string, ExportKind>;

export type ExportKindName = keyof typeof EXPORT_KINDS;
export const EXPORT_KIND_NAMES = Object.keys(EXPORT_KINDS) as ExportKindName[];
