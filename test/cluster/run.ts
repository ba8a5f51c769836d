import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

// Runs the tests in network and process namespaces of their own: addresses collide with nothing,
// and everything that a test started ends with it.

const PROGRAMS: Record<string, string> = {
  patroni: '/usr/bin/patroni',
  'etcd-server': '/usr/bin/etcd',
  haproxy: '/usr/sbin/haproxy',
  pgbouncer: '/usr/sbin/pgbouncer',
  pgbackrest: '/usr/bin/pgbackrest',
  nginx: '/usr/sbin/nginx',
  iproute2: '/usr/sbin/ip',
};

const missing = Object.keys(PROGRAMS).filter((name) => !existsSync(PROGRAMS[name] ?? ''));
if (missing.length > 0) {
  console.error(`apt-get install postgresql ${missing.join(' ')}`);
  process.exit(1);
}
if (process.getuid?.() !== 0) {
  console.error('the tests make network namespaces, so they need root');
  process.exit(1);
}
const patterns = process.argv.slice(2);
const { status } = spawnSync(
  'unshare',
  [
    ...['--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
    // The first process must reap those that lose their parent: Patroni waits for PostgreSQL's end.
    ...['bash', '-c', 'ip link set lo up; "$@"; exit $?', 'bash', process.execPath],
    ...['test/each.ts', '--setup=test/faults/support/report.ts', '--at-once=2'],
    ...patterns.map((pattern) => `--test-name-pattern=${pattern}`),
    'test/cluster/*.test.ts',
  ],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
