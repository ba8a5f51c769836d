import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import pg from 'pg';
import type { Server } from './stage.ts';

/** The machine and the versions of a measurement. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
  postgresql: string;
  /** settings of the server that affect speed */
  settings: Record<string, string>;
  commit: string;
  startedAt: string;
}

const SETTINGS = [
  'shared_buffers',
  'max_wal_size',
  'synchronous_commit',
  'fsync',
  'full_page_writes',
  'wal_level',
  'data_checksums',
  'jit',
];

export async function describeMachine({ url, kind }: Server): Promise<Machine> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string; value: string }>(
    'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS s (name)',
    [['server_version', ...SETTINGS]],
  );
  await client.end();
  const { server_version: version, ...settings } = Object.fromEntries(
    rows.map(({ name, value }) => [name, value]),
  );
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    postgresql: `${version}, ${kind}`,
    settings,
    commit: commit(),
    startedAt: new Date().toISOString(),
  };
}

export function describe(machine: Machine): string {
  const { cpu, cores, memoryGib, system, node, postgresql, settings } = machine;
  return [
    `${cores} × ${cpu}, ${memoryGib} GiB, ${system}`,
    `Node ${node}, PostgreSQL ${postgresql}`,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
    'Load generator, service and database share these cores.',
  ].join('\n');
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
