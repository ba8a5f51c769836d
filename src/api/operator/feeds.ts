import { OVERLAP_HOURS } from '../../domain/access/secret-overlap.ts';
import {
  addFeed,
  changeFeed,
  FEED_FORMATS,
  findFeed,
  type ListedFeed,
  listFeeds,
  removeFeed,
  renewFeedSecret,
} from '../../domain/calls/feed.ts';
import * as entered from '../../domain/entered-values.ts';
import { DEFAULT_COUNTRY } from '../../domain/numbering-plan.ts';
import { Refusal } from '../../domain/refusal.ts';
import { Type } from '../../http/schema.ts';
import {
  created,
  etagOf,
  ok,
  okTagged,
  pageOfAll,
  removed,
  requireMatch,
  unlessGone,
} from './framework/answer.ts';
import { choice, list, optional, text } from './framework/field.ts';
import { feedName, overlapHours, PAGE } from './framework/fields.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('feeds');

const feedSchema = s.object({
  name: s.name,
  format: s.name,
  networks: s.listOf(s.name),
  debits: s.name,
  timeZone: s.name,
  country: s.name,
  createdAt: s.moment,
  lastSeenAt: s.orNull(s.moment),
  etag: s.name,
  secret: Type.Optional(s.name),
});

function shownFeed({ plan: _, ...feed }: ListedFeed) {
  const { lastSeenAt: __, ...settings } = feed;
  return { ...feed, etag: etagOf(settings) };
}

const listAllFeeds = route('GET /feeds', 'listFeeds', {
  summary: 'The switches that may send calls',
  scope: 'feeds:read',
  query: PAGE,
  answers: { 200: s.pageOf(feedSchema) },
  handle: async (call) =>
    pageOfAll(call, await listFeeds(call.service.db), ({ name }) => name, shownFeed),
});

/** Settings that a feed may change. */
const SETTINGS = {
  networks: optional(
    list(text(entered.network, { description: 'An address or a CIDR', example: '192.0.2.0/24' }), {
      most: 100,
    }),
  ),
  timeZone: optional(text(entered.timeZone, { description: 'Of times without one' })),
  country: optional(
    text(entered.country, { description: 'Where it dials, ISO 3166-1', example: 'GB' }),
  ),
};

const putFeed = route('PUT /feeds/{name}', 'putFeed', {
  summary: 'Give a switch credentials; its secret is in this answer alone',
  scope: 'feeds:write',
  idempotency: 'required',
  params: { name: feedName },
  body: {
    format: choice(FEED_FORMATS, { description: 'How it writes its calls', example: 'freeswitch' }),
    debits: optional(
      choice(['service', 'switch'], { description: 'Who takes the price of a call' }),
    ),
    ...SETTINGS,
  },
  answers: { 200: feedSchema, 201: feedSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const { db, keyring } = service;
    const { networks = [], debits = 'service', timeZone = 'UTC', format } = body;
    const { country = DEFAULT_COUNTRY } = body;
    const wanted = { name: params.name, format, networks, debits, timeZone, country };
    try {
      const secret = await addFeed(db, actor, { keyring, now }, wanted);
      const shown = shownFeed((await findFeed(db, params.name)) as ListedFeed);
      return created(`/feeds/${params.name}`, { ...shown, secret }, { etag: shown.etag });
    } catch (error) {
      const found = await findFeed(db, params.name);
      if (!found || !(error instanceof Refusal)) throw error;
      const { createdAt: _, lastSeenAt: __, ...settings } = found;
      const same = Object.entries(wanted).every(
        ([name, value]) =>
          JSON.stringify(value) === JSON.stringify(settings[name as keyof typeof settings]),
      );
      if (!same) throw error;
      const shown = shownFeed(found);
      return ok(shown, { etag: shown.etag });
    }
  },
});

const patchFeed = route('PATCH /feeds/{name}', 'changeFeed', {
  summary: 'Change where a switch may send from, its country or time zone',
  description: 'Applies to records that come later; stored calls do not change.',
  scope: 'feeds:write',
  params: { name: feedName },
  body: SETTINGS,
  tagged: true,
  answers: { 200: feedSchema },
  handle: async ({ service: { db }, actor, params: { name }, body, headers, now }) => {
    const check = (before: ListedFeed) => requireMatch(headers, shownFeed(before).etag);
    await changeFeed(db, actor, { ...body, name, check }, now);
    return okTagged(shownFeed((await findFeed(db, name)) as ListedFeed));
  },
});

const renewSecret = route('POST /feeds/{name}/secret', 'renewFeedSecret', {
  summary: 'Give a switch a new secret; the previous one works for some hours more',
  scope: 'feeds:write',
  idempotency: 'required',
  params: { name: feedName },
  body: { overlapHours },
  answers: { 200: s.object({ name: s.name, secret: s.name }) },
  handle: async ({ service: { db, keyring }, actor, params: { name }, body, now }) => {
    const renewal = { name, overlapHours: body.overlapHours ?? OVERLAP_HOURS.usual };
    return ok({ name, secret: await renewFeedSecret(db, actor, { keyring, now }, renewal) });
  },
});

const deleteFeed = route('DELETE /feeds/{name}', 'removeFeed', {
  summary: 'Refuse a switch from now on; its calls stay',
  scope: 'feeds:write',
  params: { name: feedName },
  tagged: true,
  answers: { 204: null },
  handle: async ({ service, actor, params, headers, now }) => {
    const found = await findFeed(service.db, params.name);
    if (!found) return removed;
    requireMatch(headers, shownFeed(found).etag);
    await removeFeed(service.db, actor, params.name, now).catch(unlessGone);
    return removed;
  },
});

export const feedRoutes = [listAllFeeds, putFeed, patchFeed, renewSecret, deleteFeed];
