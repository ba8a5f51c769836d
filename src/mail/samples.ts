import type { Message } from '../domain/mail/message.ts';
import { composeMail } from './compose.ts';
import type { Sender, Wording } from './letter.ts';
import type { LetterKind } from './texts.ts';

const USERNAME = 2125550100;
const TOKEN = 'an-example-token-that-opens-nothing-0123456';
const LIMIT = { username: USERNAME, spent: '40.250000', limit: '50.000000' };
const OCCURRENCE = { at: '2030-11-24T19:05:00Z', address: '192.0.2.1' };

const ADDRESS_CHANGE = {
  username: USERNAME,
  token: TOKEN,
  before: 'office@example.com',
  after: 'accounts@example.com',
};

const WEBHOOK = {
  url: 'https://crm.example.com/events',
  since: OCCURRENCE.at,
  error: 'timed out',
};

const SAMPLES: Record<LetterKind, Message> = {
  verification: { kind: 'verification', username: USERNAME, token: TOKEN },
  recovery: {
    kind: 'recovery',
    links: [
      { username: USERNAME, token: TOKEN },
      { username: 2125550101, token: TOKEN },
    ],
  },
  'account exists': { kind: 'account exists', usernames: [USERNAME] },
  'password changed': { kind: 'password changed', username: USERNAME, ...OCCURRENCE },
  'key changed': { kind: 'key changed', username: USERNAME, ...OCCURRENCE, address: undefined },
  'sip secret changed': { kind: 'sip secret changed', username: USERNAME, ...OCCURRENCE },
  'confirm old address': { kind: 'confirm address', by: 'before', ...ADDRESS_CHANGE },
  'confirm new address': { kind: 'confirm address', by: 'after', ...ADDRESS_CHANGE },
  'address changed': {
    kind: 'address changed',
    username: USERNAME,
    before: 'office@example.com',
    after: 'accounts@example.com',
    ...OCCURRENCE,
  },
  'second factor on': { kind: 'second factor', on: true, username: USERNAME, ...OCCURRENCE },
  'second factor off': { kind: 'second factor', on: false, username: USERNAME, ...OCCURRENCE },
  'low balance': { kind: 'low balance', username: USERNAME, cash: '4.982500', threshold: 5 },
  'calls stopped': { kind: 'calls stopped', username: USERNAME, cash: '-0.017500' },
  'daily limit near': { kind: 'daily limit', level: 80, ...LIMIT },
  'daily limit reached': { kind: 'daily limit', level: 100, ...LIMIT },
  'daily limit of a customer': { kind: 'daily limit of a customer', level: 80, ...LIMIT },
  'unusual hour': {
    kind: 'unusual hour',
    username: USERNAME,
    hour: '2030-11-24T03:00:00Z',
    spent: '84.300000',
    usual: '1.250000',
  },
  'webhook failing': { kind: 'webhook failing', ...WEBHOOK },
  'webhook disabled': { kind: 'webhook disabled', ...WEBHOOK },
  'monthly charge': {
    kind: 'monthly charge',
    username: USERNAME,
    month: '2030-12',
    amount: '21.950000',
    cash: '1203.050000',
    lines: [
      { service: 'Call recording', month: '2030-12', count: 1, amount: '4.950000' },
      { service: 'E911', month: '2030-12', count: 2, amount: '3.000000' },
      { service: undefined, month: '2030-12', count: 12, amount: '12.000000' },
      { service: 'Voicemail', month: '2030-11', count: 1, amount: '2.000000' },
    ],
  },
};

export const LETTER_KINDS = Object.keys(SAMPLES) as LetterKind[];

/** A message as a customer gets it, with the data of an example account. */
export function sampleMail(
  sender: Sender,
  kind: LetterKind,
  language = sender.language,
): Promise<Wording> {
  const mail = {
    name: 'Example Company',
    timeZone: 'America/New_York',
    language,
    message: SAMPLES[kind],
  };
  return composeMail(sender, mail, async (token) => token);
}
