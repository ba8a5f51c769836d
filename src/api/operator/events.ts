import * as entered from '../../domain/entered-values.ts';
import { EVENT_TYPE_NAMES } from '../../domain/event.ts';
import { readEvents, withoutPersonal } from '../../domain/webhook/event-log.ts';
import { ok } from './framework/answer.ts';
import { anyOf, choice, optional, text } from './framework/field.ts';
import { PAGE, username } from './framework/fields.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('events');

const events = route('GET /events', 'listEvents', {
  summary: 'Everything that happened, in order and without a gap',
  description:
    'Ask again with `next` as `after`, also where the page was empty. An event that is not kept ' +
    'any more is 410 `events_gone` with `oldest`. Names and e-mail addresses of customers are ' +
    'there only where the key has `accounts:read`.',
  scope: 'events:read',
  query: {
    after: optional(
      text((given) => entered.wholeNumber(given, 0, Number.MAX_SAFE_INTEGER), {
        description: '`next` of the page before; the oldest events where it is left out',
        example: '48000',
      }),
    ),
    type: anyOf(choice(EVENT_TYPE_NAMES, { description: 'Of these types' })),
    account: optional(username('About this account')),
    limit: PAGE.limit,
  },
  problems: [410],
  answers: { 200: s.object({ data: s.listOf(s.eventSchema), next: s.name }) },
  handle: async ({ service, key, query }) => {
    const { after, type: types, account, limit = 50 } = query;
    const page = await readEvents(service.db, { types, account }, { after, limit });
    const isPersonal = key.scopes.includes('accounts:read');
    const data = isPersonal ? page.events : page.events.map(withoutPersonal);
    return ok({ data, next: String(page.next) });
  },
});

export const eventRoutes = [events];
