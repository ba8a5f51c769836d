import { Argument, type Command } from 'commander';
import {
  changePromotion,
  createPromotion,
  listPromotions,
  type Promotion,
} from '../domain/account/promotion.ts';
import type { Decimal } from '../domain/money.ts';
import { command, operator, performAnywhere } from './operation.ts';
import { moment, money, table } from './print.ts';
import * as values from './values.ts';

const MOST_USES = 1_000_000_000;

/** `promo`: codes that credit new accounts. An ended code stays in the list. */
export function promoCommands(group: Command): void {
  const create = command(
    group,
    'create',
    'make a code that credits a new account once its address is verified',
    'promo create WELCOME5 --amount 5 --until 2030-12-31 --uses 100',
  )
    .addArgument(
      new Argument('<code>', 'what is given at signup, in any case').argParser(
        values.promotionCode,
      ),
    )
    .requiredOption('--amount <amount>', 'amount credited', values.amount)
    .option('--until <date>', 'last day (UTC), or a time with its zone', values.until)
    .option('--uses <n>', 'how many signups may use it', (text) =>
      values.wholeNumber(text, 1, MOST_USES),
    );
  const promotionOf = (
    code: string,
    { amount, until, uses }: { amount: Decimal; until?: Date; uses?: number },
  ) => ({ code, amount, validUntil: until ?? null, usesLimit: uses ?? null });
  performAnywhere(
    create,
    ({ db, clock }, code: string, options: Parameters<typeof promotionOf>[1]) =>
      createPromotion(db, operator(), promotionOf(code, options), clock()),
    (remote, code, options) => {
      const { code: _, ...body } = promotionOf(code, options);
      return remote.change<unknown>('PUT', `/promotions/${code}`, body);
    },
  )((_, code, options) => ({
    json: promotionOf(code, options),
    text: `Created ${code}: ${money(options.amount)} for a new account`,
  }));

  const end = command(
    group,
    'end',
    'end a code: no new account may use it from now on; reserved uses stay',
    'promo end WELCOME5',
  ).addArgument(new Argument('<code>', 'the code, in any case').argParser(values.promotionCode));
  performAnywhere(
    end,
    ({ db, clock }, code: string) =>
      changePromotion(db, operator(), code, { validUntil: clock() }, clock()),
    (remote, code) =>
      remote.change<Promotion>('PATCH', `/promotions/${code}`, { validUntil: new Date() }),
  )((ended) => ({ json: ended, text: `Ended ${ended.code}; ${ended.uses} used it.` }));

  const list = command(group, 'list', 'promotion codes and their uses', 'promo list');
  performAnywhere(
    list,
    ({ db }) => listPromotions(db),
    (remote) => remote.list<Promotion>('/promotions'),
  )((promotions) => ({
    json: { promotions },
    text: table(
      ['CODE', '>AMOUNT', 'UNTIL', '>USES', '>OF'],
      promotions.map(({ code, amount, validUntil, uses, usesLimit }) => [
        code,
        money(amount),
        moment(validUntil, 'always'),
        uses,
        usesLimit ?? 'any',
      ]),
      'No promotion.',
    ),
  }));
}
