import { failedRows } from '../../domain/moving/failed-rows.ts';
import { openParts } from '../../domain/moving/import-part.ts';
import { findRun, reportLines } from '../../domain/moving/import-run.ts';
import { subjectOf } from '../../domain/operation/operation.ts';
import { choice, optional, pattern } from './framework/field.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import { I } from './import-access.ts';

const route = routesOf('moving');
const SCOPE = 'imports:write';
const NDJSON = { 'content-type': 'application/x-ndjson; charset=utf-8' };

const ONLY = { only: optional(choice(['failed'], { description: 'Only failed rows' })) };

const report = route('GET /imports/{id}/report', 'getImportReport', {
  summary: 'A line for each row as NDJSON; the last line has the counts',
  scope: SCOPE,
  produces: ['application/x-ndjson'],
  params: I,
  query: ONLY,
  answers: { 200: s.name },
  handle: async ({ service: { db }, key, params, query }) => {
    const run = await findRun(db, params.id, key.id);
    return { status: 200, headers: NDJSON, stream: reportLines(db, run.id, query.only) };
  },
});

const failed = route('GET /imports/{id}/failed-rows', 'getFailedRows', {
  summary: 'The failed rows as they came, with why, to be mended and sent again',
  description: 'They may hold secrets, as the file did.',
  scope: SCOPE,
  produces: ['text/csv'],
  params: I,
  answers: { 200: s.name },
  handle: async ({ service: { db, keyring }, key, params }) => {
    const run = await findRun(db, params.id, key.id);
    const stream = failedRows(db, run, openParts(db, keyring, run.id));
    return { status: 200, headers: { 'content-type': 'text/csv; charset=utf-8' }, stream };
  },
});

const operationReport = route('GET /operations/{id}/report', 'getOperationReport', {
  summary: 'The report of an import, by the operation that does it',
  scope: SCOPE,
  produces: ['application/x-ndjson'],
  params: { id: pattern('^op_[0-9A-Za-z]{1,40}$', { description: 'Its id' }) },
  query: ONLY,
  answers: { 200: s.name },
  handle: async ({ service: { db }, key, params, query }) => {
    const run = await findRun(db, await subjectOf(db, params.id, key.id), key.id);
    return { status: 200, headers: NDJSON, stream: reportLines(db, run.id, query.only) };
  },
});

export const importResultRoutes = [report, failed, operationReport];
