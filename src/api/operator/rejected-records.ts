import { dismissRejected, requireOpen } from '../../domain/calls/rejected-record.ts';
import {
  type RejectedView,
  searchRejected,
  viewRejected,
} from '../../domain/calls/rejected-search.ts';
import * as entered from '../../domain/entered-values.ts';
import { Type } from '../../http/schema.ts';
import { replayRejected } from '../../ingest/replay.ts';
import { ok, page, rowsOf } from './framework/answer.ts';
import { anyOf, choice, list, optional, text } from './framework/field.ts';
import { feedName, PAGE, reason, recordId } from './framework/fields.ts';
import { begin, operationSchema } from './framework/long-work.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('rejected records');

const rejectedSchema = s.object({
  id: s.name,
  feed: s.name,
  format: s.name,
  reason: s.name,
  detail: s.name,
  receivedAt: s.moment,
  resolvedAt: s.orNull(s.moment),
  dismissedReason: s.orNull(s.name),
  rawBase64: Type.Optional(s.name),
});

function shownRejected({ id, ...record }: RejectedView) {
  return { id: String(id), ...record };
}

const listRejected = route('GET /rejected-records', 'listRejectedRecords', {
  summary: 'Records that could not be billed, oldest first',
  scope: 'rejected:read',
  query: {
    state: optional(choice(['open', 'resolved'], { description: 'Left out, both' })),
    feed: anyOf(feedName),
    reason: anyOf(text(entered.words, { description: 'Why it was rejected' })),
    ...PAGE,
  },
  answers: { 200: s.pageOf(rejectedSchema) },
  handle: async (call) => {
    const { state, feed: feeds, reason: reasons } = call.query;
    const after = (call.after?.[0] as number | undefined) ?? 0;
    const filter = { state, feeds, reasons };
    const rows = await searchRejected(call.service.db, filter, { after, limit: rowsOf(call) });
    return page(call, rows, ({ id }) => [id], shownRejected);
  },
});

const getRejected = route('GET /rejected-records/{id}', 'getRejectedRecord', {
  summary: 'A rejected record with the bytes that came',
  scope: 'rejected:read',
  params: { id: recordId },
  answers: { 200: rejectedSchema },
  handle: async ({ service, params }) => {
    const { raw, ...record } = await viewRejected(service.db, params.id);
    return ok({ ...shownRejected(record), rawBase64: raw.toString('base64') });
  },
});

const replayOne = route('POST /rejected-records/{id}/replay', 'replayRejectedRecord', {
  summary: 'Take a rejected record in once more',
  scope: 'rejected:write',
  isNatural: true,
  params: { id: recordId },
  body: {},
  answers: {
    200: s.object({
      resolved: Type.Boolean(),
      stored: s.whole,
      duplicates: s.whole,
      reason: s.name,
      detail: s.name,
    }),
  },
  handle: async ({ service, actor, params, now }) => {
    const { db, config } = service;
    const before = await viewRejected(db, params.id);
    const { retentionMonths, emergencyNumbers } = config;
    const counts =
      before.resolvedAt === null
        ? await replayRejected(db, actor, {
            now,
            retentionMonths,
            emergencyNumbers,
            ids: [params.id],
          })
        : { stored: 0, duplicates: 0 };
    const { resolvedAt, reason: why, detail } = await viewRejected(db, params.id);
    const { stored, duplicates } = counts;
    return ok({ resolved: resolvedAt !== null, stored, duplicates, reason: why, detail });
  },
});

const dismiss = route('POST /rejected-records/{id}/dismiss', 'dismissRejectedRecord', {
  summary: 'Close a rejected record that need not be billed; what was sent stays',
  scope: 'rejected:write',
  params: { id: recordId },
  body: { reason },
  answers: { 200: rejectedSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const { db } = service;
    const before = await viewRejected(db, params.id);
    if (before.resolvedAt === null) {
      await dismissRejected(db, actor, { ids: [params.id], reason: body.reason }, now);
    }
    const { raw: _, ...record } = await viewRejected(db, params.id);
    return ok(shownRejected(record));
  },
});

const replayAll = route('POST /rejected-records/replay', 'replayRejectedRecords', {
  idempotency: 'required',
  summary: 'Take rejected records in once more: all that are open, or some',
  scope: 'rejected:write',
  body: { ids: optional(list(recordId, { most: 1_000, least: 1 })) },
  answers: { 202: operationSchema },
  handle: async (call) => {
    const { ids } = call.body;
    if (ids) await requireOpen(call.service.db, ids);
    return begin(call, { kind: 'replay', parameters: { ids }, unit: 'records' });
  },
});

export const rejectedRoutes = [listRejected, getRejected, replayOne, replayAll, dismiss];
