import { explainDialled } from '../../domain/calls/call-explanation.ts';
import * as entered from '../../domain/entered-values.ts';
import { Type } from '../../http/schema.ts';
import { ok } from './framework/answer.ts';
import { optional, text } from './framework/field.ts';
import { time, username } from './framework/fields.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('rates');

const getRate = route('GET /accounts/{username}/rate', 'getRate', {
  summary: 'What an account pays for calls to a number now',
  scope: 'prices:read',
  params: { username: username('Its username') },
  query: {
    number: text(entered.calledNumber, {
      description: 'As it is dialled',
      example: '+442055501234',
    }),
    at: optional(time('When the call starts; left out, now')),
  },
  answers: {
    200: s.object({
      list: s.orNull(s.name),
      prefix: s.orNull(s.name),
      name: s.orNull(s.name),
      rate: s.money,
      minimumSeconds: s.whole,
      incrementSeconds: s.whole,
      connectFee: s.money,
      minimumCharge: s.money,
      blocked: Type.Boolean(),
      emergency: Type.Boolean(),
    }),
  },
  handle: async ({ service, params, query, now }) => {
    const { emergencyNumbers } = service.config;
    const { number: typed, at: startsAt = now } = query;
    const asked = { typed, account: params.username, feed: undefined, startsAt, seconds: 60 };
    const explained = await explainDialled(service.db, { ...asked, emergencyNumbers });
    const { list, price, rate, minimumSeconds, incrementSeconds, emergency } = explained;
    return ok({
      list: price ? list : null,
      prefix: price?.prefix ?? null,
      name: price?.name ?? null,
      ...{ rate, minimumSeconds, incrementSeconds },
      connectFee: explained.connectFee,
      minimumCharge: explained.minimumCharge,
      blocked: explained.blocked.length > 0 && !emergency,
      emergency,
    });
  },
});

export const rateRoutes = [getRate];
