import type { AccountChanges } from '../../domain/account/account-setting.ts';
import { BILLINGS } from '../../domain/books/balance.ts';
import * as entered from '../../domain/entered-values.ts';
import { LANGUAGES } from '../../language.ts';
import { choice, decimal, type Field, flag, integer, nullable, text } from './framework/field.ts';

const limit = { least: 0, most: 1_000_000 };

/** The settings of an account, by the names of the command's `--json`. */
export const SETTINGS = {
  externalId: nullable(
    text(entered.externalId, {
      description: 'What another system calls it; no other account has the same',
      example: 'crm-88',
      longest: 100,
    }),
  ),
  name: text(entered.accountName, { description: 'Its name', example: 'Example Company' }),
  email: text(entered.email, { description: 'Its address', example: 'office@example.com' }),
  enabled: flag({ description: 'Whether it may call', example: true }),
  showsBalance: flag({
    description: 'Whether it sees the balance of the account that pays for it',
    example: false,
  }),
  billing: choice(BILLINGS, { description: 'When calls stop', example: 'prepaid' }),
  creditLimit: nullable(
    decimal(entered.moneyOrMore, {
      description: 'What a postpaid account may owe; null: any amount',
      example: '500',
    }),
  ),
  rate: decimal(entered.rate, { description: 'Price of a minute', example: '0.0075' }),
  maxRate: nullable(
    decimal(entered.rate, {
      description: 'Highest price of a minute that authorize allows; null: any',
      example: '0.50',
    }),
  ),
  dayLimit: nullable(
    decimal(entered.moneyOrMore, {
      description: 'What calls may cost in a day of its time zone; null: any amount',
      example: '50',
    }),
  ),
  minimumSeconds: integer({
    description: 'Least billed seconds',
    least: 0,
    most: 3_600,
    example: 6,
  }),
  incrementSeconds: integer({
    description: 'Billed in steps of',
    least: 1,
    most: 3_600,
    example: 6,
  }),
  priceList: nullable(
    text(entered.listName, { description: 'Its rates by destination', example: 'retail' }),
  ),
  maxCalls: nullable(
    integer({ description: 'Calls at once; null: any number', ...limit, example: 10 }),
  ),
  callerId: text(entered.callerId, { description: 'Ten digits, or empty', example: '2125550100' }),
  notify: flag({ description: 'Mail at a low balance', example: true }),
  notifyThreshold: integer({
    description: 'Whole amount below which to mail',
    ...limit,
    example: 5,
  }),
  timeZone: text(entered.timeZone, { description: 'IANA time zone', example: 'Europe/Berlin' }),
  country: nullable(
    text(entered.country, {
      description: 'Where it dials, ISO 3166-1; null: as its switch does',
      example: 'GB',
    }),
  ),
  language: nullable(choice(LANGUAGES, { description: 'Of its pages and mails', example: 'en' })),
} satisfies { [Name in keyof AccountChanges]-?: Field<unknown> };
