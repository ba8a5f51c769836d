import type { Scope } from '../../domain/access/operator-scope.ts';
import { EXPORT_KIND_NAMES, type ExportKindName } from '../../domain/moving/export-kinds.ts';
import { asCsv, exportFile } from '../../domain/moving/exporting.ts';
import { choice, optional, text } from './framework/field.ts';
import { requireScope } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('moving');
const NDJSON = 'application/x-ndjson';
const CSV = 'text/csv';

/** The further scopes that a key needs, by what it exports. */
const SCOPES_OF: Record<ExportKindName, Scope[]> = {
  accounts: ['accounts:read'],
  balances: ['balances:read'],
  ledger: ['balances:read'],
  services: ['accounts:read'],
  numbers: ['accounts:read'],
  prices: ['prices:read'],
  calls: ['calls:read'],
  rejected: ['rejected:read'],
  audit: ['audit:read'],
  // Events have names and addresses of accounts, and balances.
  events: ['events:read', 'accounts:read', 'balances:read'],
  promotions: ['promotions:read'],
  blocked: ['blocked:read'],
  feeds: ['feeds:read'],
  registrations: ['registrations:read'],
  holds: ['holds:read'],
  webhooks: ['webhooks:read'],
  keys: ['keys:read'],
};

const exported = route('GET /exports/{kind}', 'export', {
  summary: 'All rows of a kind as NDJSON or CSV, or those that came since an earlier export',
  description:
    'The last line is `{"end":true,"rows":n,"cursor":"…"}`, with `Accept: text/csv` it is `end,n,cursor`. A file without it is cut off. The cursor goes into the next `after`; where it is null, each export has all rows. Rows of the last minute wait for the next export; it may send a row again, so store rows by their ids.',
  scope: 'exports:read',
  produces: [NDJSON, CSV],
  params: { kind: choice(EXPORT_KIND_NAMES, { description: 'What is exported' }) },
  query: {
    after: optional(
      text((given) => given, { description: '`cursor` of the export before', longest: 1_000 }),
    ),
  },
  answers: { 200: s.name },
  handle: async ({ service: { db }, key, accepted, params: { kind }, query: { after } }) => {
    for (const scope of SCOPES_OF[kind]) requireScope(key, scope);
    const headers = { 'content-type': `${accepted}; charset=utf-8` };
    const lines = exportFile(db, kind, after);
    return { status: 200, headers, stream: accepted === CSV ? asCsv(kind, lines) : lines };
  },
});

export const exportRoutes = [exported];
