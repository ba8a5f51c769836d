import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { postgresBin } from '../../support/private-postgres.ts';
import { waitUntil } from '../../support/wait.ts';
import { Machine } from './machine.ts';
import { shipped, writeFor } from './shipped.ts';

const BUILD_MS = 120_000;
/** Each question opens connections, which costs more than the cluster itself. */
export const POLL_MS = 100;
const SHIPPED_ADDRESS = '192.0.2.11';
const PASSWORD = 'account-api-secret';
const IS_STANDBY = 'SELECT pg_is_in_recovery() AS standby';
const FOLLOWERS = `SELECT application_name AS name, sync_state AS copies FROM pg_stat_replication
  WHERE state = 'streaming'`;

/** A machine with etcd, Patroni and PostgreSQL, by the shipped files. */
export class Node extends Machine {
  readonly #environment: Record<string, string>;
  readonly #configuration: string;
  readonly #leaderScript: string;

  constructor(name: string, address: string, parent: string) {
    super(name, address, parent);
    const kernel = writeFor(join(this.folder, 'sysctl.conf'), shipped('cluster/sysctl.conf'));
    const [nsenter = '', ...args] = [...this.prefix(), 'sysctl', '-q', '-p', kernel];
    execFileSync(nsenter, args);
    const text = shipped('cluster/etcd.env', [
      [/\/var\/lib\/etcd\/account-api/, join(this.folder, 'etcd')],
    ]);
    const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
    this.#environment = Object.fromEntries(
      lines.map((line) => {
        const [key = '', value = ''] = [
          line.slice(0, line.indexOf('=')),
          line.slice(line.indexOf('=') + 1),
        ];
        if (key === 'ETCD_NAME') return [key, name];
        return [
          key,
          key === 'ETCD_INITIAL_CLUSTER' ? value : value.replace(SHIPPED_ADDRESS, address),
        ];
      }),
    );
    this.#leaderScript = writeFor(
      join(this.folder, 'patroni-leader.py'),
      shipped('cluster/patroni-leader.py'),
      0o700,
    );
    const script = join(this.folder, 'create-database.sh');
    copyFileSync(new URL('../../../deploy/cluster/create-database.sh', import.meta.url), script);
    this.#configuration = writeFor(
      join(this.folder, 'patroni.yml'),
      shipped('cluster/patroni.yml', [
        [/^name: db1$/m, `name: ${name}`],
        [/((?:listen|connect_address|hosts): )192\.0\.2\.11/g, `$1${address}`],
        [/\/var\/lib\/postgresql\/15\/account-api/, join(this.folder, 'data')],
        [/\/usr\/lib\/postgresql\/15\/bin/, postgresBin()],
        [/\/var\/lib\/postgresql\/\.pgpass-patroni/, join(this.folder, 'pgpass')],
        [/\/var\/run\/postgresql/, this.folder],
        [/\/etc\/patroni\/create-database\.sh/, script],
        [/mode: automatic/, "mode: 'off'"],
        // So the test may ask a node that is cut off, by its Unix socket.
        [/local all postgres peer/, 'local all all scram-sha-256'],
        // Backups have a test of their own.
        [/pgbackrest --stanza=account-api archive-push %p/, '/bin/true'],
        [/ *recovery_conf:\n.*\n/, ''],
        [/max_connections: 200/, 'max_connections: 120\n        shared_buffers: 24MB'],
        [/wal_keep_size: 1GB/, 'wal_keep_size: 128MB'],
      ]),
    );
  }

  startEtcd(): void {
    this.start(['etcd'], 'postgres', this.#environment);
  }

  startPatroni(): void {
    this.start([this.#leaderScript, this.#configuration], 'postgres', { HOME: this.folder });
  }

  /** Has everything run and connected that should. */
  async boot(): Promise<void> {
    this.plugCable();
    if (!this.runs('etcd')) this.startEtcd();
    if (this.runs('patroni-leader.py')) return;
    // As systemd does. Patroni would sleep for five seconds.
    await waitUntil(() => this.#hasEtcd(), BUILD_MS, POLL_MS);
    this.startPatroni();
  }

  async #hasEtcd(): Promise<boolean> {
    const url = `http://${this.address}:2379/health`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    return answer?.status === 200;
  }

  /** Whether a rewind has emptied files here that it has not copied yet. */
  isHalfRewound(): boolean {
    return statSync(join(this.folder, 'data/pg_hba.conf')).size === 0;
  }

  /** Runs the shipped script that moves the primary. @returns its output */
  async switchOver(): Promise<string> {
    const text = shipped('cluster/switchover.py');
    const script = writeFor(join(this.folder, 'switchover.py'), text, 0o700);
    return this.#run([script, this.#configuration]);
  }

  /** Has two nodes of a cluster of their own ask for its leader key. @returns JSON */
  askForLeaderKey(): Promise<string> {
    const text = readFileSync(new URL('leader-key.py', import.meta.url), 'utf8');
    const script = writeFor(join(this.folder, 'leader-key.py'), text, 0o700);
    return this.#run([script, this.#leaderScript, this.#configuration]);
  }

  async #run(command: string[]): Promise<string> {
    const child = this.start(command, 'postgres');
    const status = await child.ended;
    if (status !== 0) throw new Error(`${command.join(' ')}: ${status}\n${child.output()}`);
    return child.output();
  }

  /** Patroni's view of the cluster, from this node. @returns none without an answer */
  async members(): Promise<Member[]> {
    try {
      const url = `http://${this.address}:8008/cluster`;
      const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      return ((await answer.json()) as { members: Member[] }).members;
    } catch {
      return [];
    }
  }

  async isPrimary(): Promise<boolean> {
    try {
      const url = `http://${this.address}:8008/primary`;
      return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status === 200;
    } catch {
      return false;
    }
  }

  /** Whether PostgreSQL would begin a change, asked on the machine itself. */
  async takesWrites(): Promise<boolean> {
    const asked = this.#ask<{ standby: boolean }>(this.folder, IS_STANDBY);
    return asked.then(
      ([row]) => row?.standby === false,
      () => false,
    );
  }

  /** Runs a statement as superuser, on the machine itself. */
  locally(text: string): Promise<object[]> {
    return this.#ask(this.folder, text);
  }

  /** For the service's role. */
  get url(): string {
    return `postgres://account_api:${PASSWORD}@${this.address}:5432/account_api`;
  }

  /** Runs a statement as superuser. */
  sql<Row extends object>(text: string): Promise<Row[]> {
    return this.#ask<Row>(this.address, text);
  }

  async #ask<Row extends object>(host: string, text: string): Promise<Row[]> {
    const client = new pg.Client({
      host,
      user: 'postgres',
      password: 'postgres-secret',
      database: 'account_api',
      connectionTimeoutMillis: 3_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }
}

interface Member {
  name: string;
  role: 'leader' | 'sync_standby' | 'replica';
  state: string;
  timeline?: number;
}

/** Three nodes with one primary among them. */
export class Nodes {
  readonly all: Node[];

  constructor(parent: string) {
    this.all = [1, 2, 3].map((n) => new Node(`db${n}`, `192.0.2.1${n}`, parent));
  }

  /** Creates the cluster, and waits until it is whole. */
  async build(): Promise<void> {
    await Promise.all(this.all.map((node) => node.boot()));
    await this.untilWhole(BUILD_MS);
  }

  async primary(): Promise<Node> {
    for (;;) {
      for (const node of this.all) if (await node.isPrimary()) return node;
      await sleep(POLL_MS);
    }
  }

  /** Of a whole cluster. */
  async roles(): Promise<{ primary: Node; standbys: [Node, Node] }> {
    const primary = await this.primary();
    return { primary, standbys: this.all.filter((node) => node !== primary) as [Node, Node] };
  }

  /**
   * Waits until the cluster is what docs/high-availability.md calls whole.
   * @throws Error with what each node knows and wrote last
   */
  async untilWhole(timeoutMs = 60_000): Promise<void> {
    const isWhole = async () => {
      for (const node of this.all) if (await node.isPrimary()) return this.#isWhole(node);
      return false;
    };
    await waitUntil(isWhole, timeoutMs, POLL_MS).catch(async (cause) => {
      const views = await Promise.all(
        this.all.map(async (node) => {
          const followers = await node.locally(FOLLOWERS).catch(String);
          return { node: node.name, members: await node.members(), followers };
        }),
      );
      const lines = views.map((view) => JSON.stringify(view));
      const words = this.all.map((node) => node.lastWords());
      throw new Error(['the cluster is not whole', ...lines, ...words].join('\n'), { cause });
    });
  }

  /**
   * Patroni calls a standby `running`, with a lag of 0, that is still on the timeline of an earlier
   * primary and is about to be rewound. So PostgreSQL is asked, too, who follows.
   */
  async #isWhole(primary: Node): Promise<boolean> {
    const members = await primary.members();
    const followers = await primary
      .sql<{ name: string; copies: string }>(FOLLOWERS)
      .catch(() => []);
    const standbys = members.filter(({ role }) => role !== 'leader');
    return (
      standbys.length === 2 &&
      new Set(members.map(({ timeline }) => timeline)).size === 1 &&
      standbys.every(
        ({ name, role, state }) =>
          role === 'sync_standby' &&
          ['running', 'streaming'].includes(state) &&
          followers.some((row) => row.name === name && row.copies === 'sync'),
      )
    );
  }
}
