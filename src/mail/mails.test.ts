import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ParsedMail, simpleParser } from 'mailparser';
import { ConfigError, loadConfig } from '../config.ts';
import type { Language } from '../language.ts';
import { composeMail } from './compose.ts';
import type { Sender } from './letter.ts';
import { mailLogo } from './letter-html.ts';
import { BUILT_IN_TEXTS, readMailTexts } from './read-texts.ts';
import { LETTER_KINDS, sampleMail } from './samples.ts';
import { composeMessage } from './transport.ts';

const LOGO = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==',
  'base64',
);

let folder: string;
let sender: Sender;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-api-mail-'));
  const logo = join(folder, 'logo.png');
  await writeFile(logo, LOGO);
  const { brand } = loadConfig({
    BRAND_NAME: 'Example Voice',
    BRAND_LOGO_FILE: logo,
    SUPPORT_EMAIL: 'help@example.com',
    SUPPORT_URL: 'https://help.example.com/',
  });
  sender = {
    publicUrl: 'https://account.example.com',
    brand,
    currency: 'USD',
    texts: BUILT_IN_TEXTS,
    language: 'en',
  };
});
after(() => rm(folder, { recursive: true, force: true }));

const textsOf = (mailTextsFile: string, language: Language = 'en') =>
  readMailTexts({ mailTextsFile, language });

const opened = async (token: string) => token;

async function overrides(texts: unknown): Promise<string> {
  const path = join(folder, 'texts.json');
  await writeFile(path, typeof texts === 'string' ? texts : JSON.stringify(texts));
  return path;
}

test('the text of a monthly charge says all that its HTML says', async () => {
  const mail = await sampleMail(sender, 'monthly charge');
  assert.equal(mail.subject, 'Your Example Voice charges for December 2030');
  assert.equal(
    mail.text,
    `Hello Example Company,

The charges of your account 2125550100 for December 2030 were posted:

  Call recording                      $4.95
  E911 × 2                            $3.00
  Phone numbers × 12                 $12.00
  Voicemail (part of November 2030)   $2.00
  Total                              $21.95

  Balance  $1,203.05

Look at my account:
https://account.example.com/charges

Questions? We are there for you: help@example.com or
https://help.example.com/

--${' '}
Example Voice
https://account.example.com

You get this message because of your account with Example Voice.
`,
  );
  for (const part of ['E911 × 2', '$3.00', '$21.95', '$1,203.05', 'help@example.com']) {
    assert.ok(mail.html.includes(part), part);
  }
});

test('a change tells when, in the time zone of the account, and from where', async () => {
  const { text } = await sampleMail(sender, 'address changed');
  assert.match(
    text,
    / {2}Account {6}2125550100\n {2}Old address {2}office@example.com\n {2}New address {2}accounts@example.com\n {2}When {9}November 24, 2030 at 2:05\sPM EST\n {2}From {9}192.0.2.1\n/,
  );
  const byStaff = await sampleMail(sender, 'key changed');
  assert.match(byStaff.text, / {2}From {5}our staff\n/);
});

test('no line of a text is longer than 72 characters, but for links', async () => {
  for (const kind of LETTER_KINDS) {
    const { text } = await sampleMail(sender, kind);
    const long = text.split('\n').filter((line) => line.length > 72 && !line.startsWith('https:'));
    assert.deepEqual(long, [], kind);
  }
});

test('every mail leaves as text and HTML with the logo inside', async () => {
  for (const kind of LETTER_KINDS) {
    const message = await composeMessage({
      id: 'example',
      from: 'no-reply@example.com',
      to: { name: 'Example Company', address: 'customer@example.com' },
      ...(await sampleMail(sender, kind)),
      logo: mailLogo(sender.brand),
    });
    const mail: ParsedMail = await simpleParser(message, { skipImageLinks: true });
    const [logo] = mail.attachments;
    assert.deepEqual(
      [logo?.cid, logo?.related, logo?.content.equals(LOGO), mail.attachments.length],
      ['brand-logo', true, true, 1],
      kind,
    );
    assert.match(String(mail.html), /<img class="logo" src="cid:brand-logo"/);
    assert.doesNotMatch(`${mail.text}${mail.subject}${mail.html}`, /\{\w+\}|undefined/);
  }
});

test('what customers chose to be called is text and nothing else', async () => {
  const name = '<b>{brand}</b> & "Co"';
  const message = { kind: 'key changed', username: 1, at: '2030-01-01', address: '<i>' } as const;
  const { text, html } = await composeMail(sender, { name, message }, opened);
  assert.match(text, /^Hello <b>\{brand\}<\/b> & "Co",/);
  assert.match(html, /Hello &#60;b&#62;\{brand\}&#60;\/b&#62; &#38; &#34;Co&#34;,/);
  assert.match(html, /&#60;i&#62;/);
});

test('texts of a file take the place of the built-in ones', async () => {
  const path = await overrides({
    common: {
      locale: 'de-DE',
      greeting: 'Guten Tag {name},',
      labels: { balance: 'Guthaben', threshold: 'Warnung unter' },
      footer: ['Example Voice GmbH, Berlin'],
    },
    letters: {
      'low balance': {
        subject: '{brand}: noch {balance}',
        preview: '',
        paragraphs: ['Ihr Guthaben geht zur Neige.'],
        button: 'Mein Konto',
        closing: [],
      },
    },
  });
  const mail = await sampleMail({ ...sender, texts: textsOf(path) }, 'low balance');
  assert.equal(mail.subject, 'Example Voice: noch 4,9825\u00a0$');
  assert.match(mail.text, /^Guten Tag Example Company,\n\nIhr Guthaben geht zur Neige\.\n/);
  assert.match(mail.text, / {2}Warnung unter {2}5,00\u00a0\$\n/);
  assert.match(mail.html, /lang="de-DE"/);
  const other = await sampleMail({ ...sender, texts: textsOf(path) }, 'calls stopped');
  assert.match(other.text, /The balance of your account is used up/);
});

test('a mail is in the language of its account, and the file has the words of the installation alone', async () => {
  const message = { kind: 'calls stopped', username: 2125550100, cash: '-1234.500000' } as const;
  const german = await composeMail(
    sender,
    { name: 'Beispiel GmbH', language: 'de', message },
    opened,
  );
  assert.equal(german.subject, 'Mit Ihrem Konto bei Example Voice sind keine Anrufe mehr möglich');
  assert.equal(
    german.text,
    `Guten Tag Beispiel GmbH,

Das Guthaben Ihres Kontos ist aufgebraucht, deshalb werden Anrufe
vorerst abgelehnt. Sie sind wieder möglich, sobald eine Zahlung
eingegangen ist, die es ausgleicht.

  Konto     2125550100
  Guthaben  -1.234,50 $

Mein Konto ansehen:
https://account.example.com/overview

Fragen? Wir sind für Sie da: help@example.com oder
https://help.example.com/

--${' '}
Example Voice
https://account.example.com

Sie bekommen diese Nachricht wegen Ihres Kontos bei Example Voice.
`,
  );
  const path = await overrides({ letters: { 'calls stopped': { subject: 'Eigene Worte' } } });
  const own: Sender = { ...sender, language: 'de', texts: textsOf(path, 'de') };
  const subjects = (['de', 'en', null] as const).map(async (language) => {
    const { subject } = await composeMail(own, { name: 'x', language, message }, opened);
    return subject;
  });
  assert.deepEqual(await Promise.all(subjects), [
    'Eigene Worte',
    'Calls of your Example Voice account have stopped',
    'Eigene Worte',
  ]);
});

test('a wrong file of texts stops the start and says what is wrong', async () => {
  const wrong: [unknown, string | RegExp][] = [
    ['{"letters": ', /: Unexpected end of JSON input$/],
    [[], ': the file must be an object'],
    [{ letter: {} }, ': the file has "letter", which is not one of common, letters'],
    [
      { letters: { hello: {} } },
      /: letters has "hello", which is not one of verification, recovery, /,
    ],
    [
      { common: { greeting: 'Hi {nome},' } },
      ': common.greeting has the placeholder {nome}; use {brand}, {portal}, {support}, {name}',
    ],
    [
      { common: { labels: { when: '{when}' } } },
      ': common.labels.when has the placeholder {when}; there are none here',
    ],
    [{ common: { locale: 'x' } }, ': common.locale is x, which is no language tag such as en-US'],
    [{ letters: { recovery: { subject: ['x'] } } }, ': letters["recovery"].subject must be a text'],
    [
      { letters: { recovery: { closing: 'x' } } },
      ': letters["recovery"].closing must be a list of texts',
    ],
    [
      { letters: { 'key changed': { button: 'x' } } },
      /: letters\["key changed"\] has "button", which is not one of subject, preview, /,
    ],
  ];
  for (const [texts, expected] of wrong) {
    const path = await overrides(texts);
    assert.throws(
      () => textsOf(path),
      (error) => {
        assert.ok(error instanceof ConfigError);
        if (expected instanceof RegExp) assert.match(error.message, expected);
        else assert.equal(error.message, `MAIL_TEXTS_FILE ${path}${expected}`);
        return true;
      },
    );
  }
});
