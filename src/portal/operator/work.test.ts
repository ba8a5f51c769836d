import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { addCustomer, post } from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import { changeAccount } from '../../domain/account/account.ts';
import { listMails } from '../../domain/account/mail-queue.ts';
import { addService } from '../../domain/billing/recurring-charge.ts';
import { PARKED_MAIL_QUEUE } from '../../domain/mail/message.ts';
import { reportContacts } from '../../domain/sip/reported-contact.ts';

let operator: Visitor;
let own: { username: number; password: string };
const api = sharedService({}, async () => {
  own = await api.administrator();
  operator = await Visitor.signedIn(api.url, own);
});

const plain = (body: string) => body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

async function textOf(path: string): Promise<string> {
  const page = await operator.open(path);
  assert.equal(page.status, 200, `${path}: ${page.body}`);
  return plain(page.body);
}

test('prefixes are blocked for all or for an account, and released', async () => {
  const { username } = await api.signUp();
  await operator.open('/admin/blocked');
  const block = (fields: Record<string, string>) => operator.submit('/admin/blocked', fields);
  const wrong = await block({ prefixes: '4479 x', account: '1', reason: '' });
  assert.equal(wrong.status, 400);
  for (const field of ['prefixes', 'account', 'reason']) {
    assert.match(wrong.body, new RegExp(`id="${field}-problem"`), field);
  }
  const emergency = await block({ prefixes: '911', account: '', reason: 'x' });
  assert.match(plain(emergency.body), /911 is an emergency number, which nothing may block/);
  const nobody = await block({ prefixes: '252', account: '9999999999', reason: 'x' });
  assert.match(plain(nobody.body), /There is no such account/);
  assert.equal((await block({ prefixes: '4479, 252', account: '', reason: 'Fraud' })).status, 303);
  await operator.open('/admin/blocked');
  assert.equal(
    (await block({ prefixes: '53', account: String(username), reason: 'Asked' })).status,
    303,
  );
  assert.match(
    await textOf('/admin/blocked'),
    new RegExp(`252 everyone Fraud .* 4479 everyone Fraud .* 53 ${username} Asked`),
  );
  const fields = { prefix: '53', account: String(username) };
  assert.equal((await operator.submit('/admin/blocked/unblock', fields)).status, 303);
  assert.doesNotMatch(await textOf('/admin/blocked'), / Asked /);
});

test('prices are imported from a file after a preview, looked up and removed', async () => {
  const { db, clock, queue } = api.service;
  await operator.open('/admin/prices');
  const path = '/admin/price-import';
  const send = (fields: Record<string, string | File>) =>
    operator.postForm(path, { ...operator.fields(path), ...fields });
  const empty = await send({ list: 'retail' });
  assert.match(empty.body, /id="file-problem">Please choose a file, or paste its lines/);
  const faulty = await send({ list: 'retail', text: 'prefix,rate\n44,0.02\n49,cheap\nx,1' });
  assert.equal(faulty.status, 400);
  assert.match(
    plain(faulty.body),
    /2 lines are wrong\. Nothing was imported.* 3 the rate .* 4 the prefix/,
  );
  assert.equal(operator.fields(path).text, 'prefix,rate\r\n44,0.02\r\n49,cheap\r\nx,1');
  const file = new File(
    [
      'prefix,rate,name,connection fee,note\n44,0.02,United Kingdom,0.01,a\n4479,0.05,"UK, mobile",,b\n',
    ],
    'rates.csv',
    { type: 'text/csv' },
  );
  const preview = await send({ list: 'retail', file, text: '', replace: 'on' });
  assert.equal(preview.status, 200);
  assert.match(plain(preview.body), /Nothing is changed yet.* Added 2 Changed 0 .* ignored note/);
  assert.match(await textOf('/admin/prices'), /No price list yet/);
  await operator.open('/admin/prices');
  await send({ list: 'retail', file, text: '', replace: 'on' });
  const imported = await operator.postForm(path, operator.fields(path));
  assert.deepEqual([imported.status, imported.location], [303, '/admin/prices/retail']);
  const shown = await textOf('/admin/prices/retail?number=%2B44+79+4612+3456');
  assert.match(shown, /The prices are imported/);
  assert.match(shown, /Prefix 4479 Destination UK, mobile Rate per minute \$0\.05 /);
  assert.doesNotMatch(await textOf('/admin/prices/retail'), /The prices are imported/);
  assert.match(
    await textOf('/admin/prices/retail?number=415-555-0123'),
    /has no price for 415-555-0123/,
  );
  assert.match(await textOf('/admin/prices/retail?prefix=447'), /Rate per minute 4479 UK, mobile/);
  assert.doesNotMatch(await textOf('/admin/prices/retail?prefix=447'), /United Kingdom/);

  const { username } = await api.signUp();
  await changeAccount(db, TESTER, { queue, now: clock() }, username, { priceList: 'retail' });
  await operator.open('/admin/prices/retail');
  const used = await operator.submit('/admin/prices/retail/remove');
  assert.equal(used.status, 409);
  assert.match(plain(used.body), /Accounts have this list/);
  await changeAccount(db, TESTER, { queue, now: clock() }, username, { priceList: null });
  assert.equal((await operator.submit('/admin/prices/retail/remove')).location, '/admin/prices');
  assert.equal((await operator.open('/admin/prices/retail')).status, 404);
});

test('a file is not read for a visitor whose role does not permit it', async () => {
  const customer = await Visitor.signedIn(api.url, await api.signUp());
  for (const [visitor, status] of [
    [customer, 404],
    [new Visitor(api.url), 303],
  ] as const) {
    const sent = request(`${api.url}/admin/price-import`, {
      method: 'POST',
      headers: {
        cookie: [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': 8_000_000,
      },
    });
    // The body is never sent.
    sent.flushHeaders();
    const [answer] = await once(sent, 'response');
    assert.equal(answer.statusCode, status);
    sent.destroy();
  }
});

test('a form of many parts or with a long head is refused before it is parsed, which takes seconds', async () => {
  const path = '/admin/price-import';
  const send = async (content: string | Buffer, type = 'multipart/form-data; boundary=x') => {
    const cookie = [...operator.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { cookie, 'content-type': type };
    const answer = await fetch(api.url + path, {
      method: 'POST',
      headers,
      body: content as string,
    });
    const text = plain(await answer.text());
    return [answer.status, text.includes('larger than')];
  };
  const part = (head: string) =>
    `--x\r\nContent-Disposition: form-data; name="a"${head}\r\n\r\n1\r\n`;
  const end = '--x--\r\n';
  // Whole forms are refused because they carry no token.
  assert.deepEqual(await send(part('').repeat(50) + end), [403, false]);
  assert.deepEqual(await send(part('; filename="b"').repeat(51) + end), [413, true]);
  assert.deepEqual(await send(part('').repeat(130_000) + end), [413, true]);
  assert.deepEqual(await send(part('\r\nX: y'.repeat(1_000)) + end), [413, true]);
  assert.deepEqual(await send(part(`; filename="${'%22'.repeat(2_000)}"`) + end), [413, true]);
  for (const type of [
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=y',
  ]) {
    assert.deepEqual(await send(part('') + end, type), [400, false], type);
  }
});

test('faults of a price file and failures of work are told in the language of the page', async () => {
  const path = '/admin/price-import';
  const { db, clock } = api.service;
  await db.query("UPDATE account SET language = 'de' WHERE username = $1", [own.username]);
  const send = async (fields: Record<string, string>) => {
    await operator.open('/admin/prices');
    const values = { ...operator.fields(path), list: 'german', ...fields };
    const { status, body } = await operator.postForm(path, values);
    assert.equal(status, 400);
    return plain(body);
  };
  assert.match(
    await send({ text: 'prefix,rate,minimum,increment\n44,cheap\n00491,1\n1,1,6\n1,1\n1,2\n"1,1' }),
    new RegExp(
      '2 rate „cheap“ muss ein Betrag je Minute mit höchstens sechs Nachkommastellen sein ' +
        '3 Die Vorwahl „00491“ muss mit der Landesvorwahl beginnen, ohne 00 oder 011 ' +
        '4 minimum und increment gehören zusammen 6 Die Vorwahl 1 steht auch in Zeile 5 ' +
        '7 Ein Anführungszeichen ist nicht geschlossen',
    ),
  );
  assert.match(
    await send({ text: 'prefix,rate,valid from\n44,1,2020-01-01' }),
    /44 würde ab 2020-01-01T00:00:00\.000Z gelten; das ist vergangen\./,
  );

  const finished = async (id: string, error: object | null, result: object | null) => {
    await db.query(
      `INSERT INTO operation (id, kind, subject, parameters, unit, actor, origin, created_by,
         status, error, result, created_at, started_at, finished_at)
       VALUES ($1, 'charge run', $1, '{}', 'accounts', 'operator', '', 'portal', $2, $3, $4, $5,
         $5, $5)`,
      [id, error ? 'failed' : 'succeeded', error, result, clock()],
    );
    return plain((await operator.open(`/admin/operations/${id}`)).body);
  };
  const problem = { key: 'billedTo', account: 1, payer: 2 };
  assert.match(
    await finished('op_a', { code: 'internal', detail: 'Internal error' }, null),
    /Ein interner Fehler hat den Vorgang beendet; das Log des Dienstes nennt ihn\./,
  );
  assert.match(
    await finished('op_b', { code: 'conflict', detail: 'a detail' }, null),
    /Es wurde abgelehnt: a detail/,
  );
  const failures = [{ account: '1', code: 'conflict', detail: '1 is billed to 2', problem }];
  assert.match(
    await finished('op_c', null, { accounts: 1, charges: 0, amount: '0', failures }),
    /Grund 1 1 wird von 2 bezahlt; bitte nehmen Sie jenes Konto\./,
  );
  await db.query("UPDATE account SET language = 'en' WHERE username = $1", [own.username]);
});

/** Sends a form that begins long work, and waits on its page until it is done. */
async function work(path: string, fields: Record<string, string>): Promise<string> {
  await operator.open(path);
  const begun = await operator.submit(path, fields);
  assert.equal(begun.status, 303, begun.body);
  let page = await operator.open(begun.location ?? '');
  await waitUntil(async () => {
    assert.equal(page.status, 200);
    const goesOn = page.headers.get('refresh') === '2';
    assert.equal(/<progress/.test(page.body), goesOn);
    if (goesOn) page = await operator.open(begun.location ?? '');
    return !goesOn;
  });
  return plain(page.body);
}

test('the monthly charges are previewed and posted, and the books are proved', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api);
  await post(db, account, '20');
  await addService(db, TESTER, { account, description: 'E911', monthly: '1.50' }, clock());
  api.advance(32 * 86_400);
  await operator.open('/sign-in');
  operator = await Visitor.signedIn(api.url, own);
  const only = { account: String(account) };
  const due = await work('/admin/monthly-charges', { ...only, step: 'preview' });
  assert.match(due, new RegExp(`1 charge would be posted.* ${account} \\w+ \\d{4} \\$`));
  const posted = await work('/admin/monthly-charges', { ...only, step: 'post' });
  assert.match(posted, /Accounts 1 Charges 1 Amount \$/);
  assert.match(
    await work('/admin/monthly-charges', { ...only, step: 'preview' }),
    /Nothing would be posted/,
  );
  assert.match(
    await work('/admin/books', {}),
    /The books balance\. \d+ billing accounts and 0 calls checked/,
  );
  await db.query('UPDATE balance SET cash = cash + 1 WHERE account = $1', [account]);
  assert.match(
    await work('/admin/books', only),
    new RegExp(`1 account does not balance\\. 1 billing account .* ${account} `),
  );
  await db.query('UPDATE balance SET cash = cash - 1 WHERE account = $1', [account]);
  await operator.open('/admin/books');
  const unknown = await operator.submit('/admin/books', { account: '9999999999' });
  assert.match(unknown.body, /id="account-problem">There is no such account that pays for itself/);
  assert.match(await textOf('/admin/monthly-charges'), /Latest work .* Monthly charges done/);
});

test('a mail that was given up is sent again or dropped', async () => {
  const { db, queue } = api.service;
  const { username } = await api.signUp();
  for (const to of ['again@example.com', 'never@example.com']) {
    const message = { kind: 'calls stopped', username, cash: '0.000000' };
    await queue.send(db, PARKED_MAIL_QUEUE, { to, name: 'N', language: null, message });
  }
  assert.match(
    await textOf('/admin/mail'),
    /again@example\.com calls stopped .* never@example\.com/,
  );
  const parked = await listMails(queue, 'parked', { limit: 10 });
  const idOf = (to: string) => parked.find((mail) => mail.to === to)?.id ?? '';
  await operator.submit('/admin/mail/retry', { id: idOf('again@example.com') });
  assert.match(await textOf('/admin/mail'), /The mail is sent again/);
  const [mail] = await api.mails('again@example.com');
  assert.ok(mail?.subject);
  await operator.submit('/admin/mail/drop', { id: idOf('never@example.com') });
  assert.match(await textOf('/admin/mail'), /No mail was given up/);
  assert.equal((await operator.open('/admin/mail?state=waiting')).status, 200);
  assert.equal((await operator.post('/admin/mail/drop', { id: 'x' })).status, 403);
});

test('phones and calls in progress are listed, also those of one account', async () => {
  const { db, clock } = api.service;
  const username = await addCustomer(api);
  const reportedAt = clock();
  const expiresAt = new Date(reportedAt.getTime() + 60_000);
  const contact = `sip:${username}@192.0.2.1:5060`;
  await reportContacts(db, [
    {
      user: String(username),
      contact,
      received: 'sip:192.0.2.9:5060',
      userAgent: 'Phone 1',
      reportedAt,
      expiresAt,
    },
  ]);
  await db
    .query(
      `INSERT INTO hold (billing_account, account, call_id, called, amount, granted_at, expires_at)
     VALUES ($1, $1, 'call 1', '4155550123', 1.25, $2, $3)`,
      [username, reportedAt, expiresAt],
    )
    .catch((error) => assert.fail(error));
  for (const query of ['', `?account=${username}`]) {
    const phones = await textOf(`/admin/registrations${query}`);
    assert.match(phones, new RegExp(`${username} ${contact} sip:192\\.0\\.2\\.9:5060 Phone 1`));
    const calls = await textOf(`/admin/holds${query}`);
    assert.match(
      calls,
      new RegExp(`1 call in progress, \\$1\\.25 held\\. .* ${username} ${username} 4155550123`),
    );
  }
  assert.match(await textOf('/admin/registrations?account=1000000000'), /No phone is registered/);
  assert.match(await textOf('/admin/holds?account=1000000000'), /No call holds money/);
});

test('an administrator adds staff, changes a role, signs it out and turns its lost second factor off', async () => {
  const { db } = api.service;
  const current = own.password;
  await operator.open('/admin/staff');
  const fields = { name: 'Night shift', email: 'night@example.com', role: 'support' };
  assert.equal((await operator.submit('/admin/staff', { ...fields, email: 'x' })).status, 400);
  await operator.open('/admin/staff');
  assert.equal(
    (await operator.submit('/admin/staff', fields)).status,
    403,
    'the password is asked for',
  );
  const added = await operator.submitAndFollow('/admin/staff', { ...fields, current });
  const [, username = '', password = ''] =
    /<code>(\d{10})<\/code>[\s\S]*<code>(\w{10})<\/code>/.exec(added.body) ?? [];
  const member = await Visitor.signedIn(api.url, { username: Number(username), password });
  assert.equal((await member.open('/admin')).status, 200);
  assert.match(
    await textOf('/admin/staff'),
    new RegExp(`${username} Night shift support off 1 now`),
  );
  const change = async (what: string, more: Record<string, string> = {}) => {
    await operator.open('/admin/staff');
    const answer = await operator.post(`/admin/staff/${what}`, {
      ...operator.fields('/admin/staff'),
      username,
      current,
      ...more,
    });
    return [answer.status, answer.location];
  };
  const done = [303, '/admin/staff'];
  assert.deepEqual(await change('role', { role: 'billing' }), done);
  assert.match(await textOf('/admin/staff'), new RegExp(`${username} Night shift billing`));
  assert.deepEqual(await change('sessions'), done);
  assert.equal((await member.open('/admin')).status, 303);
  const factor = `INSERT INTO second_factor (account, sealed, version, confirmed_at) VALUES ($1, '', 1, now())`;
  await db.query(factor, [username]);
  assert.match(await textOf('/admin/staff'), new RegExp(`${username} Night shift billing on 0 `));
  assert.deepEqual(await change('second-factor'), done);
  assert.match(await textOf('/admin/staff'), new RegExp(`${username} Night shift billing off 0 `));
  assert.deepEqual(await change('remove'), done);
  assert.doesNotMatch(await textOf('/admin/staff'), /Night shift/);
  const self = await change('role', { username: String(own.username), role: 'support' });
  assert.deepEqual(self, [400, undefined]);
});
