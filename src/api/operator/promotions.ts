import {
  changePromotion,
  createPromotion,
  listPromotions,
  type Promotion,
} from '../../domain/account/promotion.ts';
import * as entered from '../../domain/entered-values.ts';
import { toMicros } from '../../domain/money.ts';
import { Refusal } from '../../domain/refusal.ts';
import { created, given, ok, pageOfAll } from './framework/answer.ts';
import { decimal, integer, nullable, optional, text } from './framework/field.ts';
import { PAGE, time } from './framework/fields.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('rates');

const promotionSchema = s.object({
  code: s.name,
  amount: s.money,
  validUntil: s.orNull(s.moment),
  usesLimit: s.orNull(s.whole),
  uses: s.whole,
});

const promotions = route('GET /promotions', 'listPromotions', {
  summary: 'Promotion codes for signups',
  scope: 'promotions:read',
  query: PAGE,
  answers: { 200: s.pageOf(promotionSchema) },
  handle: async (call) =>
    pageOfAll(call, await listPromotions(call.service.db), ({ code }) => code),
});

const CODE = { code: text(entered.promotionCode, { description: 'The code', example: 'WELCOME' }) };
const LIMITS = {
  validUntil: optional(nullable(time('Until when'))),
  usesLimit: optional(nullable(integer({ description: 'Signups', least: 1, most: 2_000_000_000 }))),
};

const putPromotion = route('PUT /promotions/{code}', 'putPromotion', {
  summary: 'Make a promotion code',
  scope: 'promotions:write',
  params: CODE,
  body: {
    amount: decimal(entered.amount, { description: 'What a signup gets', example: '5' }),
    ...LIMITS,
  },
  answers: { 200: promotionSchema, 201: promotionSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const { amount, validUntil = null, usesLimit = null } = body;
    const wanted = { code: params.code, amount, validUntil, usesLimit };
    const find = async () =>
      (await listPromotions(service.db)).find(
        ({ code }) => code.toLowerCase() === params.code.toLowerCase(),
      );
    try {
      await createPromotion(service.db, actor, wanted, now);
      return created(`/promotions/${params.code}`, await find());
    } catch (error) {
      const found = error instanceof Refusal ? await find() : undefined;
      if (!found || !isSame(found, wanted)) throw error;
      return ok(found);
    }
  },
});

const patchPromotion = route('PATCH /promotions/{code}', 'changePromotion', {
  summary: 'Change until when and how often a code counts; a time that is past ends it',
  scope: 'promotions:write',
  params: CODE,
  body: LIMITS,
  answers: { 200: promotionSchema },
  handle: async ({ service, actor, params, body, now }) =>
    ok(await changePromotion(service.db, actor, params.code, given(body), now)),
});

function isSame(found: Promotion, wanted: Omit<Promotion, 'uses'>): boolean {
  return (
    found.code === wanted.code &&
    toMicros(found.amount) === toMicros(wanted.amount) &&
    found.validUntil?.getTime() === wanted.validUntil?.getTime() &&
    found.usesLimit === wanted.usesLimit
  );
}

export const promotionRoutes = [promotions, putPromotion, patchPromotion];
