import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROUTES } from '../../src/api/operator/routes.ts';
import { searchAudit } from '../../src/domain/audit.ts';
import { PARKED_MAIL_QUEUE } from '../../src/domain/mail/message.ts';
import { addCustomer } from '../support/calls.ts';
import { sharedOperators } from '../support/operator.ts';
import { startReceiver } from '../support/receiver.ts';
import { post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const { api, all: client } = sharedOperators({ WEBHOOK_ALLOW: '127.0.0.1' });

type Step = [method: string, path: string, body: unknown, actions: string[]];

/** Entries of the audit trail by the client's key, newest first. */
const entries = () =>
  searchAudit(api.service.db, { actor: `operator key ${client.key.id} (test)` }, { limit: 1_000 });

/** What the API itself does not make: a hold, rejected records, a second factor, parked mails. */
async function prepare() {
  const { db, queue, clock } = api.service;
  const username = await addCustomer(api, { cash: '10' });
  const authorization = await api.feed('generic');
  const asked = { account: String(username), call_id: 'call-1', dst: '2125550123' };
  await post(`${api.url}/ingest/v1/authorize`, asked, { authorization });
  const call = { account: '9999999999', start: 1_700_000_000, duration: 60, dst: '2125550123' };
  const calls = ['one', 'two'].map((id) => ({ id, cid: '2125550100', ...call }));
  await post(`${api.url}/ingest/v1/calls/generic`, calls, { authorization });
  const records = await client.call('GET', '/rejected-records');
  const [one, two] = records.body.data.map(({ id }: { id: string }) => id);
  await db.query(
    `INSERT INTO second_factor (account, sealed, version, confirmed_at) VALUES ($1, '\\x00', 1, $2)`,
    [username, clock()],
  );
  const mail = { to: 'parked@example.com', message: { kind: 'password changed' } };
  await db.transaction(async (tx) => {
    for (let n = 0; n < 2; n++) await queue.send(tx, PARKED_MAIL_QUEUE, mail);
  });
  const mails = await client.call('GET', '/mails');
  const [retried, dropped] = mails.body.data.map(({ id }: { id: string }) => id);
  await db.query(
    `INSERT INTO operation (id, kind, parameters, unit, actor, origin, created_by, created_at)
     VALUES ('op_waiting', 'import', '{}', 'rows', 't', 't', $1, now())`,
    [client.key.id],
  );
  return { username: String(username), one, two, retried, dropped };
}

test('each route that changes something does it, and leaves the entries of the audit trail that name the key', async () => {
  const { username, one, two, retried, dropped } = await prepare();
  const receiver = await startReceiver();
  const A = `/accounts/${username}`;
  const N = '/numbers/+442055501234';
  const csv = 'prefix,rate\n44,0.01\n';
  const covered = new Set<string>();
  /** Calls a route, waits for long work, and compares the audit trail. @returns the answer's body */
  const step = async (...[method, path, body, actions]: Step) => {
    const known = (await entries()).length;
    const isFile = typeof body === 'string';
    const headers: Record<string, string> = isFile ? { 'content-type': 'text/csv' } : {};
    if (path.endsWith('/prices') && method === 'PUT') headers['if-none-match'] = '*';
    const answer = await client.call(method, path, body, headers);
    const name = `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`;
    assert.ok(answer.status >= 200 && answer.status < 300, name);
    if (answer.status === 202 && answer.body.id) {
      await waitUntil(async () => {
        const { body: operation } = await client.call('GET', `/operations/${answer.body.id}`);
        if (operation.finishedAt !== null) assert.equal(operation.status, 'succeeded', name);
        return operation.finishedAt !== null;
      });
    }
    const added = (await entries()).slice(0, -known || undefined);
    assert.deepEqual(added.map(({ action }) => action).reverse(), actions, name);
    for (const { origin } of added) assert.equal(origin, 'operator api 127.0.0.1');
    const route = ROUTES.find(
      (one) =>
        one.method === method &&
        new RegExp(`^${one.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    covered.add(`${method} ${route?.path}`);
    return answer.body;
  };

  const key = await step('POST', '/keys', { name: 'own', scopes: ['accounts:read'] }, [
    'operator key created',
  ]);
  await step('PATCH', `/keys/${key.id}`, { name: 'other' }, ['operator key changed']);
  await step('POST', `/keys/${key.id}/rotate`, {}, ['operator key rotated']);
  await step('DELETE', `/keys/${key.id}`, undefined, ['operator key revoked']);
  const made = await step('POST', '/accounts', { name: 'A', email: 'a@example.com' }, [
    'account added',
  ]);
  await step('POST', `/accounts/${made.username}/verification-mail`, undefined, [
    'verification mailed',
  ]);
  await step('POST', `/accounts/${made.username}/verify`, undefined, ['account verified']);
  await step('POST', `/accounts/${made.username}/recovery-mail`, undefined, ['recovery mailed']);
  await step('POST', `/accounts/${made.username}/close`, { confirm: made.username }, [
    'account closed',
  ]);
  await step('PATCH', A, { rate: '0.02' }, ['account changed']);
  await step('POST', `${A}/password`, undefined, ['password renewed']);
  await step('POST', `${A}/api-key`, undefined, ['key renewed']);
  await step('POST', `${A}/sip-credentials`, undefined, ['sip secret renewed']);
  await step('DELETE', `${A}/second-factor`, undefined, ['second factor off']);
  await step('DELETE', `${A}/sessions`, undefined, ['sessions ended']);
  const entry = { type: 'credit', amount: '1', reason: 'r', reference: 'pi_1' };
  const posted = await step('POST', `${A}/ledger-entries`, entry, ['balance posted']);
  const reversal = `${A}/ledger-entries/${posted.entry.id}/reversal`;
  await step('POST', reversal, { reason: 'Bounced' }, ['entry reversed']);
  const service = await step('POST', `${A}/services`, { description: 'E911', monthly: '1' }, [
    'service added',
  ]);
  await step('DELETE', `${A}/services/${service.id}`, undefined, ['service removed']);
  await step('PUT', N, { account: username, monthly: '1' }, ['number added']);
  const other = String(await addCustomer(api));
  await step('POST', `${N}/move`, { account: other }, ['number removed', 'number added']);
  await step('DELETE', N, undefined, ['number removed']);
  await step('PUT', '/price-lists/own/prices', csv, ['price list imported']);
  await step('PATCH', '/price-lists/own/prices', 'prefix,rate\n45,0.01\n', ['price list imported']);
  await step('DELETE', '/price-lists/own', undefined, ['price list removed']);
  await step('PUT', '/blocked-prefixes/4479', { reason: 'Fraud' }, ['prefixes blocked']);
  await step('DELETE', '/blocked-prefixes/4479', undefined, ['prefixes unblocked']);
  await step('PUT', '/promotions/SPRING', { amount: '5' }, ['promotion created']);
  await step('PATCH', '/promotions/SPRING', { usesLimit: 5 }, ['promotion changed']);
  await step('PUT', '/feeds/pbx', { format: 'generic' }, ['feed added']);
  await step('PATCH', '/feeds/pbx', { networks: ['127.0.0.0/8'] }, ['feed changed']);
  await step('POST', '/feeds/pbx/secret', {}, ['feed secret renewed']);
  await step('DELETE', '/feeds/pbx', undefined, ['feed removed']);
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z', reason: 'New' };
  await step('POST', '/reratings', range, ['calls rerated']);
  await step('POST', '/holds/release', { account: username, callId: 'call-1' }, ['hold released']);
  await step('POST', `/rejected-records/${one}/replay`, undefined, [
    'replay started',
    'replay finished',
  ]);
  await step('POST', '/rejected-records/replay', {}, ['replay started', 'replay finished']);
  await step('POST', `/rejected-records/${two}/dismiss`, { reason: 'Test call' }, [
    'rejected records dismissed',
  ]);
  await step('POST', '/charge-previews', {}, []);
  await step('POST', '/charge-runs', {}, []);
  await step('POST', '/reconciliations', {}, []);
  await step('POST', '/operations/op_waiting/cancel', undefined, ['operation cancelled']);
  await step('POST', `/mails/${retried}/retry`, undefined, ['mail retried']);
  await step('DELETE', `/mails/${dropped}`, undefined, ['mail dropped']);
  const wanted = { url: receiver.url, types: ['feed.*'] };
  const hook = await step('POST', '/webhook-endpoints', wanted, ['webhook added']);
  const W = `/webhook-endpoints/${hook.id}`;
  await step('PATCH', W, { description: 'CRM' }, ['webhook changed']);
  await step('POST', `${W}/rotate-secret`, {}, ['webhook secret rotated']);
  await step('POST', `${W}/test`, undefined, []);
  await step('PUT', '/feeds/last', { format: 'generic' }, ['feed added']);
  await waitUntil(() => receiver.received.length >= 2);
  const { sequence } = receiver.received[1]?.event ?? {};
  await step('POST', `${W}/deliveries/${sequence}/retry`, undefined, ['webhook delivery retried']);
  await step('POST', `${W}/replay`, { after: 0 }, ['webhook events replayed']);
  await step('DELETE', W, undefined, ['webhook removed']);
  const created = await step('POST', '/imports', { kind: 'accounts' }, ['import started']);
  const file = 'externalId,name,email\nr-1,A,r@example.com\n';
  await step('PUT', `/imports/${created.id}/parts/1`, file, []);
  await step('POST', `/imports/${created.id}/start`, undefined, ['import finished']);
  const left = await step('POST', '/imports', { kind: 'accounts' }, ['import started']);
  await step('DELETE', `/imports/${left.id}`, undefined, ['import discarded']);
  receiver.stop();
  const changing = ROUTES.filter(({ method }) => method !== 'GET');
  assert.deepEqual(
    changing.map(({ method, path }) => `${method} ${path}`).filter((name) => !covered.has(name)),
    [],
  );
});
