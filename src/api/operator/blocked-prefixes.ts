import * as entered from '../../domain/entered-values.ts';
import { blockPrefixes, listBlocked, unblockPrefixes } from '../../domain/rating/blocked-prefix.ts';
import { created, ok, pageOfAll, removed, unlessGone } from './framework/answer.ts';
import { optional, text } from './framework/field.ts';
import { PAGE, reason, username } from './framework/fields.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('rates');

const blockedSchema = s.object({
  prefix: s.name,
  account: s.orNull(s.username),
  reason: s.name,
  createdAt: s.moment,
});
const B = { prefix: text(entered.prefix, { description: 'First digits', example: '4479' }) };
const ofAccount = { account: optional(username('Only for it and those billed to it')) };

const listAllBlocked = route('GET /blocked-prefixes', 'listBlockedPrefixes', {
  summary: 'What may not be called',
  scope: 'blocked:read',
  query: { ...ofAccount, ...PAGE },
  answers: { 200: s.pageOf(blockedSchema) },
  handle: async (call) => {
    const found = await listBlocked(call.service.db, call.query.account);
    const key = ({ prefix, account }: (typeof found)[number]) => `${prefix} ${account ?? ''}`;
    return pageOfAll(call, found, key, shownBlocked);
  },
});

function shownBlocked(blocked: Awaited<ReturnType<typeof listBlocked>>[number]) {
  return { ...blocked, account: blocked.account === null ? null : String(blocked.account) };
}

const putBlocked = route('PUT /blocked-prefixes/{prefix}', 'blockPrefix', {
  summary: 'Block numbers that begin with a prefix',
  scope: 'blocked:write',
  params: B,
  query: ofAccount,
  body: { reason },
  answers: { 200: blockedSchema, 201: blockedSchema },
  handle: async ({ service, actor, params, query, body, now }) => {
    const { account = null } = query;
    const block = {
      prefixes: [params.prefix],
      account,
      reason: body.reason,
      emergencyNumbers: service.config.emergencyNumbers,
    };
    const added = await blockPrefixes(service.db, actor, block, now);
    const found = (await listBlocked(service.db, account ?? undefined)).find(
      (one) => one.prefix === params.prefix && one.account === account,
    );
    const shown = found && shownBlocked(found);
    return added.length > 0 ? created(`/blocked-prefixes/${params.prefix}`, shown) : ok(shown);
  },
});

const deleteBlocked = route('DELETE /blocked-prefixes/{prefix}', 'unblockPrefix', {
  summary: 'Let numbers be called again',
  scope: 'blocked:write',
  params: B,
  query: ofAccount,
  answers: { 204: null },
  handle: async ({ service, actor, params, query, now }) => {
    const { account = null } = query;
    const unblocked = { prefixes: [params.prefix], account };
    await unblockPrefixes(service.db, actor, unblocked, now).catch(unlessGone);
    return removed;
  },
});

export const blockedPrefixRoutes = [listAllBlocked, putBlocked, deleteBlocked];
