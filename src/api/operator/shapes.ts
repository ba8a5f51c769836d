import type { BalanceRecord } from '../../domain/account/account-search.ts';
import type { NumberRecord, ServiceRecord } from '../../domain/billing/item-list.ts';
import type { RegistrationRecord } from '../../domain/sip/registration.ts';
import { Type } from '../../http/schema.ts';
import * as s from './framework/schemas.ts';

// Schemas of data that has its own routes and that an account's answer may also contain.

export const balanceSchema = s.object({
  account: s.username,
  cash: s.money,
  held: s.money,
  available: s.orNull(s.money),
  billing: s.name,
  creditLimit: s.orNull(s.money),
  suspended: Type.Boolean(),
  dayLimit: s.orNull(s.money),
  spentToday: s.money,
  limitReached: Type.Boolean(),
  asOf: s.moment,
});

/** As `balanceSchema`. @param asOf when the balance was read */
export function shownBalance({ account, ...balance }: BalanceRecord, asOf: Date) {
  return { account: String(account), ...balance, asOf };
}

export const serviceSchema = s.object({
  id: s.name,
  description: s.name,
  monthly: s.money,
  addedAt: s.moment,
});

export const numberSchema = s.object({
  number: s.name,
  account: s.username,
  monthly: s.money,
  addedAt: s.moment,
});

/** As `serviceSchema`, without the account, which the path or the whole answer names. */
export function shownService({ id, account: _, ...service }: ServiceRecord) {
  return { id: String(id), ...service };
}

/** As `numberSchema`, with the account: a number is also found by itself. */
export function shownNumber({ account, ...record }: NumberRecord) {
  return { ...record, account: String(account) };
}

export const registrationSchema = s.object({
  account: s.username,
  contact: s.name,
  received: s.orNull(s.name),
  userAgent: s.name,
  reportedAt: s.moment,
  expiresAt: s.moment,
});

/** As `registrationSchema`: one contact of a phone, as the switch reported it. */
export function shownRegistration({ account, ...registration }: RegistrationRecord) {
  return { account: String(account), ...registration };
}
