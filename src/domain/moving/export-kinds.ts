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

const money = (column: string) => `${column}::text`;
const time = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const text = (column: string) => `${column}::text`;

const MONEY = new Set(['rate', 'max_rate', 'credit_limit', 'day_limit']);
const settings = Object.fromEntries(
  SETTING_COLUMNS.map(({ name, table, column }) => {
    const sql = `${table === 'account' ? 'a' : 'b'}.${column}`;
    return [name, MONEY.has(column) ? money(sql) : sql];
  }),
);

/** All kinds of exports. */
export const EXPORT_KINDS = {
  accounts: {
    from: 'account a JOIN balance b ON b.account = a.master_account',
    members: {
      username: text('a.username'),
      masterAccount: text('a.master_account'),
      role: 'a.role',
      ...settings,
      sipUser: '(SELECT sip_user FROM sip_secret s WHERE s.account = a.username)',
      createdAt: time('a.created_at'),
      updatedAt: time('a.updated_at'),
      verifiedAt: time('a.verified_at'),
      closedAt: time('a.closed_at'),
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
      account: text('b.account'),
      externalId: 'a.external_id',
      cash: money('b.cash'),
      held: money('b.held'),
      billing: 'b.billing',
      creditLimit: money('b.credit_limit'),
      suspended: 'b.suspended',
    },
    order: [['b.account', 'bigint']],
  },
  ledger: {
    from: 'ledger_entry e',
    members: {
      id: text('e.id'),
      account: text('e.account'),
      kind: 'e.kind',
      amount: money('e.amount'),
      reason: 'e.reason',
      reference: 'e.reference',
      actor: 'e.actor',
      createdAt: time('e.created_at'),
      settles: text('e.settles'),
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
      id: text('i.id'),
      account: text('i.account'),
      description: 'i.description',
      monthly: money('i.monthly'),
      addedAt: time('i.added_at'),
      removedAt: time('i.removed_at'),
    },
    order: [['i.id', 'bigint']],
  },
  numbers: {
    from: 'number i',
    members: {
      number: 'i.number',
      account: text('i.account'),
      monthly: money('i.monthly'),
      addedAt: time('i.added_at'),
      removedAt: time('i.removed_at'),
    },
    order: [['i.id', 'bigint']],
  },
  prices: {
    from: 'price p',
    members: {
      list: 'p.list',
      prefix: 'p.prefix',
      name: 'p.name',
      rate: money('p.rate'),
      minimumSeconds: 'p.minimum_seconds',
      incrementSeconds: 'p.increment_seconds',
      connectFee: money('p.connect_fee'),
      minimumCharge: money('p.minimum_charge'),
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
      account: text('c.account'),
      billingAccount: text('c.billing_account'),
      caller: 'c.caller',
      callerName: 'c.caller_name',
      called: 'c.called',
      sourceIp: 'c.source_ip',
      talkSeconds: '(c.talk_microseconds + 999999) / 1000000',
      outcome: OUTCOME_OF,
      billedSeconds: 'c.billed_seconds',
      rate: money('c.rate'),
      amount: money('c.amount'),
      fee: money('c.fee'),
      debited: 'c.debited',
      feed: 'c.feed',
      receivedAt: time('c.received_at'),
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
      id: text('r.id'),
      feed: 'r.feed',
      format: 'r.format',
      reason: 'r.reason',
      detail: 'r.detail',
      receivedAt: time('r.received_at'),
      resolvedAt: time('r.resolved_at'),
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
      id: text('e.id'),
      at: time('e.at'),
      actor: 'e.actor',
      origin: 'e.origin',
      action: 'e.action',
      account: text('e.account'),
      detail: 'e.detail',
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
      type: 'e.type',
      account: text('e.account'),
      externalId: 'e.external_id',
      timestamp: time('e.at'),
      data: 'e.data',
    },
    order: [['e.sequence', 'bigint']],
    isNumbered: true,
  },
  promotions: {
    from: 'promotion p',
    members: {
      code: 'p.code',
      amount: money('p.amount'),
      validUntil: time('p.valid_until'),
      usesLimit: 'p.uses_limit',
      uses: 'p.uses',
      createdAt: time('p.created_at'),
    },
    order: [['p.code', 'text']],
  },
  blocked: {
    from: 'blocked_prefix b',
    members: {
      prefix: 'b.prefix',
      account: text('b.account'),
      reason: 'b.reason',
      createdAt: time('b.created_at'),
    },
    order: [
      ['b.prefix', 'text'],
      ['coalesce(b.account, 0)', 'bigint'],
    ],
  },
  feeds: {
    from: 'feed f',
    members: {
      name: 'f.name',
      format: 'f.format',
      networks: 'f.networks',
      debits: 'f.debits',
      timeZone: 'f.time_zone',
      country: 'f.country',
      createdAt: time('f.created_at'),
      lastSeenAt: time('f.last_seen_at'),
    },
    order: [['f.name', 'text']],
  },
  registrations: {
    from: 'registration r',
    members: {
      account: text('r.account'),
      contact: 'r.contact',
      received: 'r.received',
      userAgent: 'r.user_agent',
      reportedAt: time('r.reported_at'),
      expiresAt: time('r.expires_at'),
    },
    order: [
      ['r.account', 'bigint'],
      ['r.contact', 'text'],
    ],
  },
  holds: {
    from: 'hold h',
    members: {
      account: text('h.account'),
      billingAccount: text('h.billing_account'),
      callId: 'h.call_id',
      called: 'h.called',
      amount: money('h.amount'),
      grantedAt: time('h.granted_at'),
      expiresAt: time('h.expires_at'),
    },
    order: [
      ['h.billing_account', 'bigint'],
      ['h.call_id', 'text'],
    ],
  },
  webhooks: {
    from: 'webhook_endpoint w',
    members: {
      id: text('w.id'),
      url: 'w.url',
      description: 'w.description',
      types: 'w.types',
      accounts: 'w.accounts::text[]',
      enabled: 'w.enabled',
      disabledReason: 'w.disabled_reason',
      createdBy: 'w.created_by',
      createdAt: time('w.created_at'),
    },
    order: [['w.id', 'bigint']],
  },
  keys: {
    from: 'operator_key k',
    members: {
      id: 'k.id',
      name: 'k.name',
      scopes: 'k.scopes',
      networks: 'k.networks',
      accounts: 'k.accounts::text[]',
      createdBy: 'k.created_by',
      createdAt: time('k.created_at'),
      expiresAt: time('k.expires_at'),
      revokedAt: time('k.revoked_at'),
    },
    order: [['k.id', 'text']],
  },
} as const satisfies Record<string, ExportKind>;

export type ExportKindName = keyof typeof EXPORT_KINDS;
export const EXPORT_KIND_NAMES = Object.keys(EXPORT_KINDS) as ExportKindName[];
