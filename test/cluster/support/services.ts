import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '../../support/child.ts';
import { type Server, startServer } from '../../support/server.ts';
import { waitUntil } from '../../support/wait.ts';
import { FRONT, Machine } from './machine.ts';
import { shipped, writeFor } from './shipped.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;

/** The settings of the shipped file; commented ones, too. */
function shippedSettings(): Record<string, string> {
  const lines = shipped('cluster/account-api.env').split('\n');
  const settings = lines.flatMap((line) => /^#?([A-Z_]+)=(.*)$/.exec(line)?.slice(1, 3) ?? []);
  const pairs: [string, string][] = [];
  for (let n = 0; n < settings.length; n += 2)
    pairs.push([settings[n] ?? '', settings[n + 1] ?? '']);
  return Object.fromEntries(pairs);
}

/** A machine with HAProxy, PgBouncer and the service, by the shipped files. */
export class ServiceMachine extends Machine {
  readonly url: string;
  readonly #env: Record<string, string>;
  #server: Server | undefined;

  /** @param behind 'haproxy': without PgBouncer */
  constructor(
    at: { name: string; address: string; parent: string },
    behind: 'haproxy' | 'pgbouncer',
    keyFile: string,
  ) {
    super(at.name, at.address, at.parent);
    this.url = `http://${at.address}:8080`;
    const { HOST = '', TRUST_PROXY = '', ...given } = shippedSettings();
    const direct = given.DATABASE_DIRECT_URL ?? '';
    this.#env = {
      HOST,
      TRUST_PROXY,
      PORT: '8080',
      SECRET_KEY_FILE: keyFile,
      DATABASE_READ_URL: given.DATABASE_READ_URL ?? '',
      ...(behind === 'haproxy'
        ? { DATABASE_URL: direct }
        : {
            DATABASE_URL: given.DATABASE_URL ?? '',
            DATABASE_DIRECT_URL: direct,
            DATABASE_PREPARED: given.DATABASE_PREPARED ?? '',
          }),
      COPY_WAIT_SECONDS: '2',
      OPERATOR_LIMIT_PER_MINUTE: '100000',
    };
    // Mails of both machines lie in one folder.
    mkdirSync(join(at.parent, 'mail'), { recursive: true });
    mkdirSync(this.dataDir);
    symlinkSync(join(at.parent, 'mail'), join(this.dataDir, 'mail'));
  }

  get dataDir(): string {
    return join(this.folder, 'service');
  }

  /** Starts them, and waits until HAProxy, which believes in every node at first, knows the roles. */
  async startProxies(): Promise<void> {
    const file = join(this.folder, 'haproxy.cfg');
    writeFileSync(file, shipped('cluster/haproxy.cfg'));
    const haproxy = this.start(['haproxy', '-db', '-f', file]);
    const users = writeFor(
      join(this.folder, 'userlist.txt'),
      '"account_api" "account-api-secret"\n',
    );
    const bouncer = writeFor(
      join(this.folder, 'pgbouncer.ini'),
      shipped('cluster/pgbouncer.ini', [[/\/etc\/pgbouncer\/userlist\.txt/g, users]]),
    );
    this.start(['pgbouncer', bouncer], 'postgres');
    const down = 'Server primary/db\\d is DOWN';
    await haproxy.line(new RegExp(`${down}[\\s\\S]*${down}`));
  }

  /** @param root the folder of another version */
  async startService(root = ROOT): Promise<void> {
    const command = [...this.prefix(), process.execPath, join(root, 'src/main.js')];
    this.#server = await startServer(this.dataDir, { env: this.#env, command });
    this.record('service', this.#server);
  }

  async stopService(): Promise<void> {
    this.#server?.kill('SIGTERM');
    await this.#server?.ended;
  }

  /** Has everything run that should. */
  async boot(): Promise<void> {
    if (!this.runs('haproxy')) await this.startProxies();
    if (!this.runs('src/main.js')) await this.startService();
  }

  /** What the service wrote so far. */
  output(): string {
    return this.#server?.output() ?? '';
  }
}

/** A file with a new sealing key. */
export function newKeyFile(folder: string): string {
  const file = join(folder, 'secret.key');
  writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 });
  return file;
}

/** A copy of the service with one more migration. @returns its folder */
export function nextVersion(folder: string, migration: string, number: number): string {
  const root = join(folder, 'next');
  for (const part of ['src', 'migrations', 'package.json']) {
    cpSync(join(ROOT, part), join(root, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const name = `${String(number).padStart(3, '0')}_next_version.sql`;
  writeFileSync(join(root, 'migrations', name), migration);
  return root;
}

/** nginx in front of the service machines, by the shipped files without TLS. */
export async function startFront(folder: string): Promise<Child> {
  const site = shipped('nginx/account-api.conf', [
    [/upstream account_api \{[^}]*\}/, shipped('cluster/upstream.conf')],
    [/server \{\n {2}listen 80;[\s\S]*?\n\}\n/, ''],
    [/ *listen \[::\].*\n/g, ''],
    [/listen 443 ssl http2;/, `listen ${FRONT}:80;`],
    [/ *ssl_.*\n/g, ''],
  ]);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const main = join(folder, 'nginx.conf');
  writeFileSync(
    main,
    `user root;
daemon off;
worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log stderr notice;
events { worker_connections 512; }
http {
  access_log off;
  ${paths.join('\n  ')}
  ${site}
}
`,
  );
  const nginx = startChild(['nginx', '-e', 'stderr', '-c', main]);
  await nginx.line(/start worker process \d+/);
  await waitUntil(async () => (await fetch(`http://${FRONT}/docs/`)).status === 200);
  return nginx;
}
