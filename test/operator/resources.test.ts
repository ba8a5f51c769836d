import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { addAccount, codeOf, faultsOf, sharedOperators } from '../support/operator.ts';

const { api, all } = sharedOperators();

const account = (more?: object) => addAccount(all, more);

/** Replaces the prices of a list by the bytes of a file. */
async function send(list: string, bytes: Uint8Array, headers: Record<string, string>) {
  const answer = await fetch(`${api.url}/operator/v1${list}/prices`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${all.secret}`, 'content-type': 'text/csv', ...headers },
    body: bytes as Uint8Array<ArrayBuffer>,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('short lists have pages, too, each item once and with its ETag', async () => {
  const mark = `p${randomBytes(4).toString('hex')}`;
  const names = ['c', 'a', 'b'].map((name) => `${mark}${name}`);
  for (const name of names) {
    await all.call('PUT', `/feeds/${name}`, { format: 'generic' });
    await all.call('PUT', `/promotions/${name}`, { amount: '1' });
    await all.call('PUT', `/price-lists/${name}/prices`, 'prefix,rate\n44,0.01\n', {
      'content-type': 'text/csv',
      'if-none-match': '*',
    });
  }
  for (const [path, key] of [
    ['/feeds', 'name'],
    ['/promotions', 'code'],
    ['/price-lists', 'name'],
  ] as const) {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await all.call('GET', `${path}?limit=1${cursor}`);
      assert.equal(body.data.length, 1);
      const [item] = body.data;
      seen.push(item[key]);
      if (path !== '/promotions') {
        const single =
          path === '/price-lists' ? await all.call('GET', `${path}/${item.name}`) : undefined;
        assert.equal(item.etag, single?.headers.get('etag') ?? item.etag);
      }
      if (body.next === null) break;
      cursor = `&cursor=${body.next}`;
    }
    const own = seen.filter((name) => name.toLowerCase().startsWith(mark));
    assert.deepEqual(own, [...names].sort(), path);
    assert.equal(new Set(seen).size, seen.length);
    const other = await all.call('GET', `${path}?cursor=x`);
    assert.equal(codeOf(other), '422 cursor_mismatch');
  }
});

test('numbers, services, prices, blocks, promotions and feeds are set as they are told', async () => {
  const { username } = await account();
  const other = await account();
  const number = `/numbers/%2B4420555${String(Date.now()).slice(-5)}`;
  const own = { account: username, monthly: '1.50' };
  const equal = await Promise.all(Array.from({ length: 6 }, () => all.call('PUT', number, own)));
  assert.deepEqual(equal.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 201]);
  assert.equal((await all.call('PUT', number, own)).status, 200);
  assert.equal((await all.call('PUT', number, { ...own, monthly: '2' })).body.monthly, '2.000000');
  const taken = await all.call('PUT', number, { ...own, account: other.username });
  assert.deepEqual([codeOf(taken), taken.body.username], ['409 number_in_use', username]);
  const moved = await all.call('POST', `${number}/move`, { account: other.username });
  assert.deepEqual([moved.body.account, moved.body.monthly], [other.username, '2.000000']);
  assert.equal((await all.call('DELETE', number)).status, 204);
  assert.equal((await all.call('DELETE', number)).status, 204);

  const service = await all.call('POST', `/accounts/${username}/services`, {
    description: 'E911',
    monthly: '1.50',
  });
  const at = `/accounts/${username}/services`;
  assert.deepEqual((await all.call('GET', at)).body.data, [service.body]);
  assert.equal((await all.call('DELETE', `${at}/${service.body.id}`)).status, 204);
  assert.deepEqual((await all.call('GET', at)).body.data, []);

  const list = `/price-lists/l${Date.now()}`;
  const csv = { 'content-type': 'text/csv' };
  const put = (file: string, headers: Record<string, string>) =>
    all.call('PUT', `${list}/prices`, file, { ...csv, ...headers });
  assert.equal(codeOf(await put('prefix,rate\n44,0.01\n', {})), '428 precondition_required');
  const wrong = await put('prefix,rate\n44,x\n45,y\n', { 'if-none-match': '*' });
  assert.deepEqual(faultsOf(wrong), ['/2 invalid_line', '/3 invalid_line']);
  const made = await put('prefix,rate\n44,0.01\n', { 'if-none-match': '*' });
  assert.deepEqual(made.body, {
    added: 1,
    changed: 0,
    unchanged: 0,
    removed: 0,
    raisedSoon: 0,
    ignored: [],
  });
  assert.equal(
    codeOf(await put('prefix,rate\n44,0.02\n', { 'if-none-match': '*' })),
    '412 precondition_failed',
  );
  const tag = made.headers.get('etag') ?? '';
  assert.equal((await all.call('GET', list)).body.etag, tag);
  const ndjson = '{"prefix":"45","rate":"0.03"}\n';
  const patched = await all.call('PATCH', `${list}/prices`, ndjson, {
    'content-type': 'application/x-ndjson',
  });
  assert.equal(patched.body.added, 1);
  const lines = await all.call('GET', `${list}/prices`, undefined, {
    accept: 'application/x-ndjson',
  });
  const change = (file: string) =>
    all.call('PATCH', `${list}/prices`, file, { 'content-type': 'application/x-ndjson' });
  assert.equal((await change(`\uFEFF${lines.body}`)).body.unchanged, 2);
  const faulty = await change(
    [
      '{"prefix":"46","rate":"0.1","increment":60,"name":null}',
      '{"prefix":"46","rate":0.1,"connectFee":"1\\n2"}',
      '{"prefix":"46","rate":"0.1","rate":"0.9"}',
      '[]',
      '{"prefix":"46","rate":"1e1","minimumSeconds":30}',
    ].join('\n'),
  );
  assert.deepEqual(
    faulty.body.errors.map(({ detail }: { detail: string }) => detail),
    [
      'line 1: there is no "increment"; known: prefix, rate, name, minimumSeconds, incrementSeconds, connectFee, minimumCharge, validFrom, validUntil',
      'line 2: "rate" must be a string in one line, or null',
      'line 2: "connectFee" must be a string in one line, or null',
      'line 3: must be a JSON object with each member once',
      'line 4: must be a JSON object with each member once',
      'line 5: minimum and increment go together',
    ],
  );
  assert.equal(
    codeOf(await put('prefix,rate\n44,0.02\n', { 'if-match': tag })),
    '412 precondition_failed',
  );
  const dated = (day: string) => `prefix,rate,valid from\n47,0.01,${day}\n`;
  const past = await all.call('PATCH', `${list}/prices`, dated('2020-01-01'), csv);
  assert.deepEqual(faultsOf(past), ['/backdate invalid_value']);
  const endless = await put(dated('2040-01-01'), { 'if-match': patched.headers.get('etag') ?? '' });
  assert.deepEqual(faultsOf(endless), ['/from invalid_value']);
  const zip = { 'content-encoding': 'gzip' };
  const bomb = await send(list, gzipSync(Buffer.alloc(65 * 1024 * 1024)), zip);
  const damaged = await send(list, Buffer.from('no gzip'), zip);
  const brotli = await send(list, Buffer.from('x'), { 'content-encoding': 'br' });
  assert.deepEqual([bomb.status, damaged.status, brotli.status], [413, 400, 415]);
  const replaced = await send(list, gzipSync('prefix,rate\n44,0.02\n'), {
    ...zip,
    'if-match': patched.headers.get('etag') ?? '',
  });
  assert.deepEqual([replaced.body.changed, replaced.body.removed], [1, 1]);
  const json = await all.call('PATCH', `/accounts/${username}`, '{}', {
    'content-type': 'application/json',
    ...zip,
  });
  assert.equal(codeOf(json), '415 unsupported_media_type');
  const file = await all.call('GET', `${list}/prices`, undefined, { accept: 'text/csv' });
  assert.equal(file.body, 'prefix,rate,name,minimum,increment\r\n44,0.020000,,,\r\n');
  assert.equal((await all.call('DELETE', list)).status, 204);

  const blocked = `/blocked-prefixes/44${String(Date.now()).slice(-6)}`;
  assert.equal((await all.call('PUT', blocked, { reason: 'Fraud' })).status, 201);
  assert.equal((await all.call('PUT', blocked, { reason: 'Fraud' })).status, 200);
  const changed = await all.call('PUT', blocked, { reason: 'Fraud, case 7' });
  assert.deepEqual([changed.status, changed.body.reason], [200, 'Fraud, case 7']);
  assert.equal((await all.call('DELETE', blocked)).status, 204);
  const code = `/promotions/P${Date.now()}`;
  assert.equal((await all.call('PUT', code, { amount: '5' })).status, 201);
  assert.equal((await all.call('PUT', code, { amount: '5.0' })).status, 200);
  assert.equal(codeOf(await all.call('PUT', code, { amount: '6' })), '409 promotion_taken');
  const feed = `/feeds/f${Date.now()}`;
  const added = await all.call('PUT', feed, { format: 'generic' });
  assert.deepEqual([added.status, typeof added.body.secret], [201, 'string']);
  const known = await all.call('PUT', feed, { format: 'generic' });
  assert.deepEqual([known.status, known.body.secret], [200, undefined]);
  assert.equal(codeOf(await all.call('PUT', feed, { format: 'kamailio' })), '409 feed_taken');
  assert.equal((await all.call('DELETE', feed)).status, 204);
});
