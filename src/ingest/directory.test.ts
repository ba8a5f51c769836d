import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { addCustomer } from '../../test/support/calls.ts';
import { post, sharedService, TESTER } from '../../test/support/service.ts';
import { changeAccount } from '../domain/account/account.ts';
import { replaceSipSecret, sipSecret } from '../domain/account/credentials.ts';
import { addNumber } from '../domain/billing/recurring-charge.ts';
import { currentRegistration } from '../domain/sip/registration.ts';

const REALM = 'sip.example.com';
const NOBODY = 9_999_999_999;
const AGENT = 'Zoiper rv2.8.97/ é';

let authorization: string;
let account: number;
let ha1: string;
const api = sharedService({ SIP_REALM: REALM }, async () => {
  authorization = await api.feed('generic');
  const { db, keyring, clock } = api.service;
  account = (await api.signUp()).username;
  const { secret } = await sipSecret(db, { keyring, realm: REALM }, account, clock());
  ha1 = createHash('md5').update(`${account}:${REALM}:${secret}`).digest('hex');
  const number = { account, number: '8005550111', monthly: '0' };
  await addNumber(db, TESTER, number, clock());
});

const ask = (path: string, body: unknown, headers = { authorization }) =>
  post(`${api.url}/ingest/v1/${path}`, body, headers);

async function form(path: string, fields: Record<string, string>) {
  const body = new URLSearchParams(fields);
  const url = `${api.url}/ingest/v1/${path}`;
  const response = await fetch(url, { method: 'POST', headers: { authorization }, body });
  return { status: response.status, text: await response.text() };
}

async function disabled(use: () => Promise<void>): Promise<void> {
  const { db, queue, clock } = api.service;
  await changeAccount(db, TESTER, { queue, now: clock() }, account, { enabled: false });
  await use();
  await changeAccount(db, TESTER, { queue, now: clock() }, account, { enabled: true });
}

const notFound = (message: string) => ({ statusCode: '404', status: 'Error', message });

test('a switch is told the HA1 of a subscriber, and of nobody else', async () => {
  const answer = await ask('subscriber', { account: String(account) });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.deepEqual(answer.body, {
    account: String(account),
    user: String(account),
    realm: REALM,
    ha1,
  });
  const nobody = notFound('There is no such subscriber');
  for (const who of [NOBODY, 'admin', "1' OR '1'='1", String(account).slice(1), {}]) {
    assert.deepEqual((await ask('subscriber', { account: who })).body, nobody);
  }
  await disabled(async () => {
    assert.deepEqual((await ask('subscriber', { account })).body, nobody);
  });
  const empty = await ask('subscriber', {});
  assert.deepEqual([empty.status, empty.body.message], [400, 'Field Required: account']);
  const stranger = await ask('subscriber', { account }, { authorization: 'Basic eDp5' });
  assert.equal(stranger.status, 401);
  const elsewhere = await api.feed('generic', { networks: ['192.0.2.0/24'] });
  const far = await ask('subscriber', { account }, { authorization: elsewhere });
  assert.equal(far.status, 403);
});

test('a switch is told whose a number is, in whatever spelling', async () => {
  for (const number of ['8005550111', '+1 800-555-0111', 'sip:%2B18005550111@192.0.2.1']) {
    const answer = await ask('number', { number });
    assert.deepEqual(
      [answer.status, answer.body],
      [200, { account: String(account), user: String(account), number: '8005550111' }],
    );
  }
  for (const number of ['8005550112', 'alice', [], '%2538005550111']) {
    assert.deepEqual((await ask('number', { number })).body, notFound('Nobody has this number'));
  }
});

test('FreeSWITCH reads a user of the directory as mod_xml_curl asks for it', async () => {
  const fields = {
    hostname: 'fs-1',
    section: 'directory',
    tag_name: 'domain',
    key_name: 'name',
    key_value: REALM,
    action: 'sip_auth',
    user: String(account),
    domain: REALM,
  };
  assert.deepEqual(await form('freeswitch/directory', fields), {
    status: 200,
    text: `<document type="freeswitch/xml"><section name="directory"><domain name="${REALM}">
<params><param name="dial-string" value="\${sofia_contact(*/\${dialed_user}@\${dialed_domain})}"/></params>
<user id="${account}"><params><param name="a1-hash" value="${ha1}"/></params>
<variables><variable name="accountcode" value="${account}"/></variables></user>
</domain></section></document>`,
  });
  const none = {
    status: 200,
    text: '<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>',
  };
  for (const other of [{ user: String(NOBODY) }, { user: '"/>' }, { domain: 'example.net' }]) {
    assert.deepEqual(await form('freeswitch/directory', { ...fields, ...other }), none);
  }
  assert.deepEqual(await form('freeswitch/directory', { purpose: 'network-list' }), none);
});

test('Asterisk reads endpoint, auth, aor and owner of a number as res_config_curl asks', async () => {
  const read = async (table: string, fields: Record<string, string>) => {
    const { status, text } = await form(`asterisk/${table}`, fields);
    assert.equal(status, 200, text);
    return Object.fromEntries(new URLSearchParams(text));
  };
  const id = String(account);
  assert.deepEqual(await read('ps_endpoints/single', { id }), {
    id,
    aors: id,
    auth: id,
    accountcode: id,
    context: 'account-api-outgoing',
    disallow: 'all',
    allow: 'ulaw,alaw',
    direct_media: 'no',
    force_rport: 'yes',
    rewrite_contact: 'yes',
    rtp_symmetric: 'yes',
  });
  assert.deepEqual(await read('ps_auths/single', { id }), {
    id,
    auth_type: 'md5',
    username: id,
    md5_cred: ha1,
    realm: REALM,
  });
  assert.deepEqual(await read('ps_aors/single', { id }), {
    id,
    max_contacts: '5',
    remove_existing: 'yes',
    minimum_expiration: '60',
    default_expiration: '3600',
    maximum_expiration: '3600',
  });
  const owner = { number: '8005550111', username: id, user: id };
  assert.deepEqual(await read('sip_number/single', { number: '+18005550111' }), owner);
  assert.deepEqual(await read('sip_number/single', { number: '8005550112' }), {});
  for (const table of ['ps_endpoints', 'ps_auths', 'ps_aors']) {
    assert.deepEqual(await read(`${table}/single`, { id: 'trunk' }), {});
    assert.deepEqual(await read(`${table}/multi`, { 'id LIKE': '%' }), {}, 'no list of all');
    await disabled(async () => assert.deepEqual(await read(`${table}/single`, { id }), {}));
  }
  for (const path of ['constructor/single', 'ps_contacts/drop', 'ps_endpoints/store']) {
    assert.equal((await form(`asterisk/${path}`, { id })).status, 404, path);
  }
});

test('contacts that Asterisk keeps are what registration shows', async () => {
  const { db, clock } = api.service;
  const owner = await addCustomer(api);
  const uri = `sip:${owner}@192.0.2.1:5060;transport=UDP;ob`;
  const id = `${owner};@${createHash('md5').update(uri).digest('hex')}`;
  const expires = Math.floor(clock().getTime() / 1_000) + 60;
  const row = { uri, user_agent: AGENT, endpoint: String(owner), expiration_time: String(expires) };
  const change = async (verb: string, fields: Record<string, string>) =>
    form(`asterisk/ps_contacts/${verb}`, fields);
  const contacts = async (fields: Record<string, string>, verb = 'multi') => {
    const { status, text } = await form(`asterisk/ps_contacts/${verb}`, fields);
    assert.equal(status, 200);
    return text.split('\n').map((line) => Object.fromEntries(new URLSearchParams(line)));
  };
  const shown = () => currentRegistration(db, owner, clock(), 'contact');

  assert.deepEqual(await change('store', { id, ...row }), { status: 200, text: '1' });
  const shownUntil = new Date(expires * 1_000);
  const contact = { uri: `sip:${owner}@192.0.2.1:5060`, agent: AGENT, expiresAt: shownUntil };
  assert.deepEqual(await shown(), contact);
  assert.deepEqual(await contacts({ 'id LIKE': `${owner};@%` }), [{ id, ...row }]);
  assert.deepEqual(await contacts({ id }, 'single'), [{ id, ...row }]);
  assert.deepEqual(await contacts({ id: `${owner};@${'0'.repeat(32)}` }, 'single'), [{}]);
  assert.deepEqual(await contacts({ 'expiration_time <=': String(expires) }), [{}]);

  const later = { ...row, expiration_time: String(expires + 60) };
  const path = `update?id=${encodeURIComponent(id)}`;
  assert.deepEqual(await change(path, later), { status: 200, text: '1' });
  assert.deepEqual(await contacts({ id }, 'single'), [{ id, ...later }]);

  assert.deepEqual(await change('destroy', { id }), { status: 200, text: '1' });
  assert.deepEqual(await change('destroy', { id }), { status: 200, text: '0' });
  assert.deepEqual(await contacts({ 'id LIKE': `${owner};@%` }), [{}]);
  await assert.rejects(shown(), { code: 'not found' });

  const unknown = { ...row, id: `${NOBODY};@%` };
  assert.deepEqual(await change('store', unknown), { status: 200, text: '0' });
  for (const fields of [{ id: 'x y' }, { id, uri: 'x' }, { id, uri, expiration_time: 'soon' }]) {
    assert.equal((await change('store', { ...row, ...fields })).status, 400);
  }
});

test('phones with a SIP user of their own are found by it, in the language of every switch', async () => {
  const { db, keyring, queue, clock } = api.service;
  const owner = (await api.signUp()).username;
  const sip = { keyring, realm: REALM };
  const set = { user: 'Bu.ro_7+a-b', secret: 'secret of before' };
  await replaceSipSecret(db, TESTER, { sip, queue, now: clock() }, owner, set);
  await addNumber(db, TESTER, { account: owner, number: '8005550177', monthly: '0' }, clock());
  const { user } = set;
  const digest = createHash('md5').update(`${user}:${REALM}:${set.secret}`).digest('hex');
  const found = { account: String(owner), user, realm: REALM, ha1: digest };
  assert.deepEqual((await ask('subscriber', { account: user })).body, found);
  const nobody = notFound('There is no such subscriber');
  assert.deepEqual((await ask('subscriber', { account: owner })).body, nobody);
  const number = { account: String(owner), user, number: '8005550177' };
  assert.deepEqual((await ask('number', { number: '8005550177' })).body, number);
  const xml = (await form('freeswitch/directory', { user, domain: REALM })).text;
  assert.ok(xml.includes(`<user id="${user}"><params><param name="a1-hash" value="${digest}"/>`));
  assert.ok(xml.includes(`<variable name="accountcode" value="${owner}"/>`));
  const row = async (table: string, fields: Record<string, string>) => {
    const { text } = await form(`asterisk/${table}/single`, fields);
    return Object.fromEntries(new URLSearchParams(text));
  };
  const { id, aors, auth, accountcode } = await row('ps_endpoints', { id: user });
  assert.deepEqual([id, aors, auth, accountcode], [user, user, user, String(owner)]);
  assert.equal((await row('ps_auths', { id: user })).username, user);
  assert.deepEqual(await row('sip_number', { number: '8005550177' }), {
    number: '8005550177',
    username: String(owner),
    user,
  });
  const contact = `sip:${user}@192.0.2.9:5060`;
  const expires = String(Math.floor(clock().getTime() / 1_000) + 60);
  const report = { event: 'register', aor: `sip:${user}@${REALM}`, contact, expires: 60 };
  assert.deepEqual(
    (await ask('registrations', [report, { ...report, aor: 'sip:nobody@x' }])).body,
    {
      statusCode: '200',
      status: 'Success',
      stored: 1,
      unknown: 1,
      malformed: 0,
    },
  );
  const shown = { uri: contact, agent: '', expiresAt: new Date() };
  const current = await currentRegistration(db, owner, clock(), 'contact');
  assert.deepEqual({ ...current, expiresAt: shown.expiresAt }, shown);
  const asterisk = `${user};@${createHash('md5').update(contact).digest('hex')}`;
  const stored = { id: asterisk, uri: contact, endpoint: user, expiration_time: expires };
  assert.equal((await form('asterisk/ps_contacts/store', stored)).text, '1');
  assert.equal((await row('ps_contacts', { id: asterisk })).endpoint, user);
  assert.equal((await form('asterisk/ps_contacts/destroy', { id: asterisk })).text, '1');
  await assert.rejects(currentRegistration(db, owner, clock(), 'contact'), { code: 'not found' });
});
