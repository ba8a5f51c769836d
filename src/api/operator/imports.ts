import type { Database } from '../../db/database.ts';
import * as entered from '../../domain/entered-values.ts';
import { ENCODINGS } from '../../domain/moving/file-rows.ts';
import { MODES } from '../../domain/moving/import-kind.ts';
import { MOST_PARTS, putPart, requireParts } from '../../domain/moving/import-part.ts';
import {
  countsOf,
  createRun,
  discardRun,
  findRun,
  type ImportCounts,
  type ImportRun,
  listRuns,
  withCounts,
} from '../../domain/moving/import-run.ts';
import { IMPORT_KINDS, SHIPPED } from '../../domain/moving/mapping.ts';
import { Type } from '../../http/schema.ts';
import { created, ok, page, removed, rowsOf } from './framework/answer.ts';
import { choice, flag, list, optional, text } from './framework/field.ts';
import { PAGE } from './framework/fields.ts';
import { begin, operationSchema } from './framework/long-work.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import { I, requireKind } from './import-access.ts';

const route = routesOf('moving');
const SCOPE = 'imports:write';

const importSchema = s.object({
  id: s.name,
  kind: s.name,
  mapping: s.name,
  mode: s.name,
  dryRun: Type.Boolean(),
  status: s.name,
  rows: s.orNull(s.whole),
  created: s.whole,
  updated: s.whole,
  unchanged: s.whole,
  skipped: s.whole,
  failed: s.whole,
  sums: s.anything,
  remarks: s.listOf(s.name),
  createdAt: s.moment,
  finishedAt: s.orNull(s.moment),
});

function shownImport({ counts, ...run }: ImportRun & { counts: ImportCounts }) {
  const { id, kind, options, status, rows, sums, remarks, createdAt, finishedAt } = run;
  const { mapping, mode, dryRun } = options;
  return {
    id,
    kind,
    mapping,
    mode,
    dryRun,
    status,
    rows,
    ...counts,
    sums,
    remarks,
    createdAt,
    finishedAt,
  };
}

async function shownOne(db: Database, run: ImportRun) {
  return shownImport({ ...run, counts: await countsOf(db, run.id) });
}

const create = route('POST /imports', 'createImport', {
  summary: 'Begin an import from another system; then send its file in parts, and start it',
  scope: SCOPE,
  idempotency: 'required',
  body: {
    kind: choice(IMPORT_KINDS, { description: 'What is imported', example: 'accounts' }),
    format: optional(
      choice(['csv', 'ndjson'], { description: 'Found by itself; told for clients that have it' }),
    ),
    mapping: optional(choice(SHIPPED, { description: 'How the file is read', example: 'neutral' })),
    mode: optional(
      choice(MODES, {
        description: 'create refuses rows that exist and differ; upsert changes settings',
      }),
    ),
    dryRun: optional(flag({ description: 'Only tell what would be', example: true })),
    allOrNothing: optional(flag({ description: 'Write nothing if a row is faulty' })),
    passwords: optional(
      choice(['none', 'take'], { description: 'Whether passwords or hashes are taken over' }),
    ),
    include: optional(flag({ description: 'Take accounts that are closed there, as closed' })),
    encoding: optional(choice(ENCODINGS, { description: 'Of a text file; utf-8' })),
    usernames: optional(
      choice(['keep', 'generate'], {
        description: 'Left out: ten digits are kept, others generated',
      }),
    ),
    roundRates: optional(flag({ description: 'Round rates with more than six decimals' })),
    acceptWeakSip: optional(flag({ description: 'Take SIP secrets that are weak or shared' })),
    accept: optional(
      list(
        text((given) => given, { description: 'Columns of money that are given up', longest: 100 }),
        { most: 50 },
      ),
    ),
    firstCharge: optional(
      text(entered.month, {
        description: 'The first month that is charged here',
        example: '2040-01',
      }),
    ),
  },
  answers: { 201: importSchema },
  handle: async ({ service, actor, key, body, now }) => {
    const { kind } = body;
    requireKind(key, kind);
    const options = {
      mapping: body.mapping ?? 'neutral',
      mode: body.mode ?? 'create',
      dryRun: body.dryRun ?? false,
      allOrNothing: body.allOrNothing ?? false,
      encoding: body.encoding ?? 'utf-8',
      usernames: body.usernames,
      include: body.include ?? false,
      passwords: body.passwords ?? 'none',
      acceptWeakSip: body.acceptWeakSip ?? false,
      accept: body.accept ?? [],
      roundRates: body.roundRates ?? false,
      currencies: {},
      firstCharge: body.firstCharge,
    } as const;
    const run = await createRun(
      service.db,
      actor,
      { kind, options, file: null, createdBy: key.id },
      now,
    );
    return created(`/imports/${run.id}`, await shownOne(service.db, run));
  },
});

const part = route('PUT /imports/{id}/parts/{part}', 'putImportPart', {
  summary: 'Send a part of the file, plain or gzip, of at most 8 MiB; it may be sent again',
  scope: SCOPE,
  isNatural: true,
  params: {
    ...I,
    part: text((given) => entered.wholeNumber(given, 1, MOST_PARTS), {
      description: 'From 1 on',
      example: '1',
    }),
  },
  file: ['text/csv', 'application/x-ndjson', 'application/gzip', 'application/octet-stream'],
  answers: { 200: s.object({ part: s.whole, sha256: s.name }) },
  handle: async ({ service, key, params, file }) => {
    const { db, keyring } = service;
    const run = await findRun(db, params.id, key.id);
    const { part } = params;
    return ok({ part, sha256: await putPart(db, keyring, run.id, { part, bytes: file.bytes }) });
  },
});

const start = route('POST /imports/{id}/start', 'startImport', {
  idempotency: 'required',
  summary: 'Start the import; it goes on by itself after an interruption',
  scope: SCOPE,
  params: I,
  body: {},
  answers: { 202: operationSchema },
  handle: async (call) => {
    const { service, key, params } = call;
    const run = await findRun(service.db, params.id, key.id);
    requireKind(key, run.kind);
    await requireParts(service.db, run.id);
    return begin(call, {
      kind: 'import',
      subject: run.id,
      parameters: { import: run.id },
      unit: 'rows',
    });
  },
});

const imports = route('GET /imports', 'listImports', {
  summary: 'Imports of this key, newest first; kept for 30 days',
  scope: SCOPE,
  query: PAGE,
  answers: { 200: s.pageOf(importSchema) },
  handle: async (call) => {
    const { db } = call.service;
    const found = await listRuns(db, {
      limit: rowsOf(call),
      before: call.after,
      createdBy: call.key.id,
    });
    return page(call, await withCounts(db, found), ({ place, id }) => [place, id], shownImport);
  },
});

const get = route('GET /imports/{id}', 'getImport', {
  summary: 'How far an import is, and what became of its rows',
  scope: SCOPE,
  params: I,
  answers: { 200: importSchema },
  handle: async ({ service: { db }, key, params }) =>
    ok(await shownOne(db, await findRun(db, params.id, key.id))),
});

const discard = route('DELETE /imports/{id}', 'discardImport', {
  summary: 'End an import that will not go on, also while it runs; what was written stays',
  scope: SCOPE,
  params: I,
  answers: { 204: null },
  handle: async ({ service: { db }, actor, key, params, now }) => {
    const run = await findRun(db, params.id, key.id);
    if (run.status !== 'discarded') await discardRun(db, actor, run.id, now);
    return removed;
  },
});

export const importRoutes = [create, part, start, imports, get, discard];
