import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { startPrivatePostgres, unprivileged } from '../support/private-postgres.ts';
import { Promises } from '../support/promises.ts';
import { addGenericFeed, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';
import { end } from './support/begin.ts';
import { report, times } from './support/scale.ts';

const SERVER_CONNECTIONS = 12;

test('the service works behind a real PgBouncer that hands out transactions', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-pgbouncer-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o711);
  const postgres = await startPrivatePostgres(join(folder, 'postgres'));
  const { username: role, password, pathname } = new URL(postgres.url);
  const port = await freePort();
  const users = join(folder, 'users.txt');
  await writeFile(users, `"${role}" "${password}"\n`, { mode: 0o644 });
  const configuration = join(folder, 'pgbouncer.ini');
  await writeFile(
    configuration,
    `[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${SERVER_CONNECTIONS}
max_client_conn = 500
`,
    { mode: 0o644 },
  );
  const bouncer = startChild(['pgbouncer', configuration], { ...unprivileged(), cwd: '/' });
  await bouncer.line(/process up/);

  // With PgBouncer, the role has the settings that the service otherwise sets per session.
  const client = new pg.Client(postgres.url);
  await client.connect();
  await client.query(`ALTER ROLE ${role} SET lock_timeout = '2s'`);
  await client.query(`ALTER ROLE ${role} SET statement_timeout = '30s'`);
  await client.end();

  const keyFile = join(folder, 'secret.key');
  await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const env = {
    DATABASE_URL: `postgres://${role}:${password}@127.0.0.1:${port}${pathname}`,
    DATABASE_DIRECT_URL: postgres.url,
    DATABASE_PREPARED: 'false',
    SECRET_KEY_FILE: keyFile,
  };
  const dataDirs = [join(folder, 'data1'), join(folder, 'data2')];
  const servers = await Promise.all(dataDirs.map((dataDir) => startServer(dataDir, { env })));
  const promises = new Promises(await addGenericFeed(dataDirs[0] ?? '', env));
  await promises.open(servers[0]?.url ?? '', 4);
  const keys = await Promise.all(
    promises.signups.map(async ({ username, password: secret }) => {
      const body = { username, password: secret };
      return String((await post(`${servers[1]?.url}/v2.1/account/apikey/`, body)).body.apikey);
    }),
  );

  const requests = times(300, 2_000);
  let answered = 0;
  const work = Array.from({ length: 20 }, async (_, lane) => {
    for (let n = lane; n < requests; n += 20) {
      const url = servers[n % 2]?.url ?? '';
      if (n % 10 === 0) assert.equal(await promises.deliver(url, 20), 200);
      else if (n % 25 === 1) assert.equal(await promises.signUp(url), 200);
      else {
        const operation = ['info', 'cdr', 'mrc'][n % 3];
        const headers = { authorization: `Bearer ${keys[n % keys.length]}` };
        const answer = await post(`${url}/v2.1/account/${operation}/`, undefined, headers);
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        if (operation === 'info') {
          assert.equal(answer.body.account[0].username, String(promises.accounts[n % keys.length]));
        }
      }
      answered++;
    }
  });
  await Promise.all(work);
  await promises.assertKept({ connectionString: postgres.url });
  await Promise.all(servers.map(end));
  bouncer.kill('SIGINT');
  await bouncer.ended;
  await postgres.stop();
  report(
    `behind PgBouncer ${/PgBouncer ([\d.]+)/i.exec(bouncer.output())?.[1] ?? ''} in transaction mode, two processes: every answer right, the books balance`,
    `${answered} requests over ${SERVER_CONNECTIONS} connections`,
    `all answered 200; ${promises.acknowledged.size} calls kept`,
  );
});
