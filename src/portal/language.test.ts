import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { post } from '../../test/support/calls.ts';
import { linkIn, sharedService, TESTER } from '../../test/support/service.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { changeAccount } from '../domain/account/account.ts';
import { addService } from '../domain/billing/recurring-charge.ts';
import { MESSAGES } from './messages/index.ts';

// Names, and words that both languages share.
const SAME_IN_BOTH = new Set([
  ...['API', 'CSV', 'NDJSON', 'Deutsch', 'English', 'Browser', 'Code', 'Format', 'Name', 'Feed'],
  ...[
    'Feeds',
    'Administrator',
    'Webhooks',
    'Status',
    'UTC',
    '(UTC)',
    'localhost',
    'node',
    'Person',
    'administrator',
  ],
]);
const SAME_MONTHS = /^(April|August|September|November) \d{4}$/;
// Text that the test, a switch or an operator wrote.
const DATA =
  /^\S*[@:/]\S*$|Example Company|^tester$|^test$|^(generic|freeswitch|kamailio|opensips|asterisk)|^there is no account|^(customer \d|portal [\d.]+)/;

let customer: { username: number; password: string; email: string };
let administrator: { username: number; password: string };
const api = sharedService({}, async () => {
  const { db, clock } = api.service;
  customer = await api.signUp();
  administrator = await api.administrator();
  await post(db, customer.username, '-1234.5');
  const service = { account: customer.username, description: 'E911', monthly: '1.50' };
  await addService(db, TESTER, service, clock());
});

const GERMAN = { 'accept-language': 'de-AT,de;q=0.9,en;q=0.5', accept: 'text/html' };

/** A browser whose requests all ask for its language. */
class Browser extends Visitor {
  readonly #headers: Record<string, string>;

  constructor(url: string, headers: Record<string, string>) {
    super(url);
    this.#headers = headers;
  }

  override open(path: string) {
    return super.open(path, this.#headers);
  }

  override post(path: string, fields: Record<string, string>) {
    return super.post(path, fields, this.#headers);
  }
}

async function signIn(
  { username, password }: { username: number; password: string },
  headers: Record<string, string> = {},
) {
  const visitor = new Browser(api.url, headers);
  await visitor.open('/sign-in');
  const answer = await visitor.submit('/sign-in', { login: String(username), password });
  assert.equal(answer.status, 303, answer.body);
  return visitor;
}

const languageOf = (body: string) => /<html lang="([^"]*)">/.exec(body)?.[1];
const problemAt = (body: string, field: string) =>
  new RegExp(`id="${field}-problem">([^<]*)<`).exec(body)?.[1];

/** The readable texts of a page, without data. */
function textsOf(body: string): string[] {
  const main = body
    .replace(/<(script|style|pre|code)\b[\s\S]*?<\/\1>/g, '')
    .replace(/<select id="time_zone"[\s\S]*?<\/select>|<span class="detail">[^<]*/g, '');
  const spoken = [...main.matchAll(/ (?:aria-label|title|alt|placeholder)="([^"]*)"/g)];
  const texts = [...main.replace(/<[^>]*>/g, '\n').split('\n'), ...spoken.map(([, text]) => text)];
  return texts.map((text) => (text ?? '').trim()).filter((text) => /\p{L}{3}/u.test(text));
}

/** The keys of all texts, and whether a text is a function. */
function keysOf(texts: object, path = ''): string[] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'object' && !Array.isArray(value)
      ? keysOf(value, `${path}.${key}`)
      : [`${path}.${key} ${typeof value}`],
  );
}

test('both languages have the same keys', () => {
  // The audit trail itself is in English.
  const ofAudit = /^\.operator\.audit\.actions\./;
  const [english, german] = [MESSAGES.en, MESSAGES.de].map((texts) =>
    keysOf(texts)
      .filter((key) => !ofAudit.test(key))
      .sort(),
  );
  assert.deepEqual(german, english);
});

test('German has every action that the audit trail keeps', () => {
  const source = globSync(new URL('../**/*.ts', import.meta.url).pathname)
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const actions = [...source.matchAll(/\baction(?::| =) '([^']+)'/g)].map(([, name = '']) => name);
  assert.ok(actions.length > 30, String(actions.length));
  const { audit, auditSentences } = MESSAGES.de.operator;
  assert.deepEqual(
    [...new Set(actions)].filter(
      (action) => /^[a-z]+ /.test(action) && !(audit.actions[action] && auditSentences[action]),
    ),
    [],
  );
});

test('a page is in the language of the account, then of the browser, then of the installation', async () => {
  const { config, db, queue, clock } = api.service;
  const open = async (headers: Record<string, string>) => {
    const page = await new Visitor(api.url).open('/sign-in', headers);
    return [languageOf(page.body), page.headers.get('vary'), page.headers.get('cache-control')];
  };
  const said = (language: string) => [language, 'Accept-Language', 'no-store'];
  assert.deepEqual(await open(GERMAN), said('de'));
  assert.deepEqual(await open({ 'accept-language': 'en-GB,de;q=0.9' }), said('en'));
  assert.deepEqual(await open({ 'accept-language': 'fr' }), said('en'));
  config.language = 'de';
  try {
    assert.deepEqual(await open({ 'accept-language': 'fr, *;q=0.1' }), said('de'));
    assert.deepEqual(await open({ 'accept-language': '*' }), said('de'));
    assert.deepEqual(await open({ 'accept-language': 'en' }), said('en'));
    const nowhere = await new Visitor(api.url).open('/nowhere', { accept: 'text/html' });
    assert.equal(languageOf(nowhere.body), 'de');
  } finally {
    config.language = 'en';
  }
  const visitor = await signIn(customer, GERMAN);
  assert.equal(languageOf((await visitor.open('/settings')).body), 'de');
  const saved = await visitor.submit('/settings/profile', { language: 'en' });
  assert.equal(saved.status, 303, saved.body);
  assert.equal(languageOf((await visitor.open('/settings')).body), 'en');
  await changeAccount(db, TESTER, { queue, now: clock() }, customer.username, { language: null });
  assert.equal(languageOf((await visitor.open('/settings')).body), 'de');
});

test('what is typed wrongly is told in the language of the reader, with its numbers and dates', async () => {
  const visitor = await signIn(customer, GERMAN);
  const { body } = await visitor.open('/overview');
  assert.match(body, /title="−1\.234,50\u00a0\$">−1\.234,50\u00a0\$<\/data>/);
  await visitor.open('/settings');
  const profile = await visitor.submit('/settings/profile', { name: ' ', caller_id: '12' });
  assert.deepEqual(
    ['name', 'caller_id'].map((field) => problemAt(profile.body, field)),
    [
      'Bitte geben Sie einen Namen mit 1 bis 100 Zeichen an.',
      'Bitte geben Sie eine Nummer mit 10 Ziffern an, oder nichts.',
    ],
  );
  await visitor.open('/settings');
  const other = await visitor.submit('/settings/profile', { caller_id: '2125550199' });
  assert.equal(
    problemAt(other.body, 'caller_id'),
    'Das ist keine Rufnummer Ihres Kontos. Bitte geben Sie eine davon an, oder nichts.',
  );
  const operator = await signIn(administrator, GERMAN);
  const path = `/admin/accounts/${customer.username}`;
  const page = await operator.open(path);
  assert.match(page.body, /<time datetime="[^"]*">\d{1,2}\. \S+ \d{4}<\/time>/);
  await operator.open(`${path}/settings`);
  const typed = { rate: 'x', increment: '6', maxCalls: '-1', creditLimit: 'x', language: 'fr' };
  const wrong = await operator.submit(`${path}/settings`, typed);
  assert.deepEqual(
    Object.keys(typed).map((field) => problemAt(wrong.body, field)?.slice(0, 24)),
    [
      'Bitte geben Sie einen Be',
      'Bitte geben Sie Minimum/',
      'Bitte geben Sie eine gan',
      'Bitte geben Sie einen Be',
      'Bitte wählen Sie eines v',
    ],
  );
  await operator.open(`${path}/settings`);
  const list = await operator.submit(`${path}/settings`, { priceList: 'nowhere' });
  assert.equal(problemAt(list.body, 'priceList'), 'Diese Preisliste gibt es nicht.');
  await operator.open(`${path}/settings`);
  const limit = await operator.submit(`${path}/settings`, { creditLimit: '5' });
  assert.match(problemAt(limit.body, 'creditLimit') ?? '', /^Dieses Konto ist vorausbezahlt/);
});

test('no English is left on the pages in German', async () => {
  const account = `/admin/accounts/${customer.username}`;
  const feed = await api.feed('generic');
  const start = Math.floor(api.service.clock().getTime() / 1_000) - 600;
  const call = { start, duration: 60, cid: '2125550100', dst: '4155550123' };
  const records = [customer.username, 9999999999].map((account) => ({
    id: `call of ${account}`,
    account: String(account),
    ...call,
  }));
  await fetch(`${api.url}/ingest/v1/calls/generic`, {
    method: 'POST',
    headers: { authorization: feed, 'content-type': 'application/json' },
    body: JSON.stringify(records),
  });
  const ofVisitors = ['/', '/sign-in', '/sign-up', '/recover', '/verify/again', '/nowhere'];
  const ofCustomers = ['/overview', '/calls', '/calls?by=hour', '/calls?search=none', '/charges'];
  const more = ['/api', '/phone', '/settings', '/settings/second-factor'];
  const month = api.service.clock().toISOString().slice(0, 7);
  const ofOperators = ['', '/accounts', '/accounts?search=none', '/accounts/new', '/promotions'];
  const rest = ['/feeds', '/rejected', '/rejected/1', '/audit', '/calls', '/calls?search=none'];
  const work = ['/prices', '/blocked', '/monthly-charges', '/books', '/registrations', '/holds'];
  const ofAccount = [
    '',
    '/money',
    '/settings',
    '/services',
    '/numbers',
    '/credentials',
    '/overview',
    '/calls',
    '/charges',
  ];
  const tours: [{ username: number; password: string } | undefined, string[]][] = [
    [undefined, [...ofVisitors, '/reset?token=none', '/verify?token=none']],
    [customer, [...ofCustomers, ...more, `/charges/statement?month=${month}`]],
    [
      administrator,
      [
        ...[...ofOperators, ...rest, ...work, '/mail', '/staff'].map((path) => `/admin${path}`),
        ...ofAccount.map((path) => `${account}${path}`),
      ],
    ],
  ];
  const left: string[] = [];
  for (const [who, paths] of tours) {
    const german = who ? await signIn(who, GERMAN) : new Browser(api.url, GERMAN);
    const english = new Browser(api.url, { 'accept-language': 'en', accept: 'text/html' });
    for (const [name, value] of german.cookies) english.cookies.set(name, value);
    for (const path of paths) {
      const [one, other] = await Promise.all([german.open(path), english.open(path)]);
      assert.deepEqual([languageOf(one.body), one.status], ['de', other.status], path);
      const read = new Set(textsOf(other.body));
      const same = textsOf(one.body).filter((text) => read.has(text));
      left.push(...same.filter((text) => !isData(text)).map((text) => `${path}: ${text}`));
    }
  }
  assert.deepEqual([...new Set(left)], []);
});

function isData(text: string): boolean {
  const [own = ''] = text.split(' · ');
  return own === 'Account API' || SAME_IN_BOTH.has(own) || SAME_MONTHS.test(own) || DATA.test(own);
}

test('whoever signs up is written to in the language of the page', async () => {
  const visitor = new Browser(api.url, GERMAN);
  const email = 'neu@example.com';
  await visitor.open('/sign-up');
  const asked = await visitor.submit('/sign-up', { name: 'Neu GmbH', email });
  assert.match(asked.body, /wir haben an neu@example\.com geschrieben|Wir haben an/);
  const [mail] = await api.mails(email);
  assert.ok(mail);
  assert.equal(mail.subject, 'Bestätigen Sie Ihre E-Mail-Adresse für Account API');
  assert.match(mail.text ?? '', /^Guten Tag,\n\nWillkommen bei Account API\./);
  // The link opens in another browser: the page has that browser's language until the account is
  // known.
  const page = await new Visitor(api.url).open(linkIn(mail, 'verify'), {});
  assert.equal(languageOf(page.body), 'en');
});
