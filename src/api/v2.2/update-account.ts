import { changeAccount } from '../../domain/account/account.ts';
import type { AccountChanges } from '../../domain/account/account-setting.ts';
import { customerAt, staffAt } from '../../domain/audit.ts';
import * as entered from '../../domain/entered-values.ts';
import {
  administratorRequired,
  invalidField,
  Refusal,
  rateLimited,
  readOnlyKey,
  unauthorized,
} from '../../domain/refusal.ts';
import { operation } from '../../http/operation.ts';
import { requireWriting } from '../../http/presented-key.ts';
import { Type } from '../../http/schema.ts';

const ZONE_REQUIREMENT = 'Must be a time zone such as America/Chicago';
const LIMIT_REQUIREMENT = 'Must be a whole number from 0 to 1000000';
const FLAG_REQUIREMENT = 'Must be true or false';

const limit = (description: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      description,
      examples: [10],
      'x-requirement': LIMIT_REQUIREMENT,
    }),
  );
const flag = (description: string) =>
  Type.Optional(Type.Boolean({ description, examples: [true], 'x-requirement': FLAG_REQUIREMENT }));
const NOT_OFFERED = 'For administrators; this service does not have it and refuses it';

const OF_ADMINISTRATORS = ['ccs', 'e911', 'intl', 'sms', 'mms'] as const;
const LACKING = ['e911', 'intl', 'sms', 'mms'] as const;

export const updateAccount = operation({
  name: 'change',
  operationId: 'accountPut',
  summary: 'Change the account',
  description:
    "Changes what is given of the caller's own account, and leaves the rest; null counts as not " +
    'given. A caller ID must be a number of the account, unless the operator allows any.',
  auth: 'key',
  required: [],
  body: Type.Object({
    timezone: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'IANA time zone',
        examples: ['America/Chicago'],
        'x-requirement': ZONE_REQUIREMENT,
      }),
    ),
    notify: flag('Mail at a low balance'),
    notifyThreshold: limit('Whole amount below which to mail'),
    callerId: Type.Optional(
      Type.String({
        pattern: '^[2-9]\\d{2}[2-9]\\d{2}\\d{4}$',
        description: 'Number that calls show',
        examples: ['2015551234'],
        'x-requirement': 'Must be a 10-digit North American number',
      }),
    ),
    ccs: limit('Calls at once; for administrators'),
    e911: flag(NOT_OFFERED),
    intl: flag(NOT_OFFERED),
    sms: flag(NOT_OFFERED),
    mms: flag(NOT_OFFERED),
  }),
  success: { updated: Type.Array(Type.String(), { description: 'Names of what was given' }) },
  example: { updated: ['timezone', 'notify'] },
  refusals: [
    invalidField('timezone', ZONE_REQUIREMENT),
    unauthorized(),
    administratorRequired(),
    readOnlyKey(),
    rateLimited(3_600),
  ],
  permit: (caller, given) => {
    requireWriting(caller);
    const isPermitted = caller.role === 'administrator';
    if (!isPermitted && OF_ADMINISTRATORS.some((name) => given[name] !== undefined)) {
      throw administratorRequired();
    }
  },
  handle: async ({ service, body, caller, clientAddress }) => {
    const { db, queue, config, clock } = service;
    const { username, role } = await caller();
    if (!config.apiWrites) throw new Refusal('forbidden', 'Changes by API key are turned off');
    const isAdministrator = role === 'administrator';
    const lacking = LACKING.find((name) => body[name] !== undefined);
    if (lacking) throw invalidField(lacking, 'Not offered by this service');
    const from = `api ${clientAddress}`;
    const callerId = isAdministrator || config.callerIdAny ? 'any' : 'owned';
    const changes: [string, AccountChanges][] = [
      ['timezone', body.timezone === undefined ? {} : { timeZone: zone(body.timezone) }],
      ['notify', body.notify === undefined ? {} : { notify: body.notify }],
      [
        'notifyThreshold',
        body.notifyThreshold === undefined ? {} : { notifyThreshold: body.notifyThreshold },
      ],
      ['callerId', body.callerId === undefined ? {} : { callerId: body.callerId }],
      ['ccs', body.ccs === undefined ? {} : { maxCalls: body.ccs }],
    ];
    const given = changes.filter(([, change]) => Object.keys(change).length > 0);
    if (given.length > 0) {
      await changeAccount(
        db,
        isAdministrator ? staffAt(role, username, from) : customerAt(username, from),
        { queue, now: clock(), callerId },
        username,
        Object.assign({}, ...given.map(([, change]) => change)),
      ).catch((error) => {
        throw error instanceof entered.InvalidValue ? invalidZone() : error;
      });
    }
    return `"updated":${JSON.stringify(given.map(([name]) => name))}`;
  },
});

const invalidZone = () => invalidField('timezone', ZONE_REQUIREMENT);

function zone(text: string): string {
  try {
    return entered.timeZone(text);
  } catch (error) {
    throw error instanceof entered.InvalidValue ? invalidZone() : error;
  }
}
