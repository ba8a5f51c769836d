import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type Child, startChild } from '../../support/child.ts';
import { unprivileged } from '../../support/private-postgres.ts';

const BRIDGE = 'account-api';
/** the address of the test itself, where nginx runs */
export const FRONT = '192.0.2.10';
/** a folder that gets what each program wrote; default: none */
const LOGS = process.env.CLUSTER_LOGS;
const written = new Map<string, Pick<Child, 'output'>>();
process.once('exit', () => {
  for (const [file, child] of written) writeFileSync(file, child.output());
});

function ip(...args: string[]): void {
  execFileSync('ip', args);
}

/** Makes the network that connects all machines. */
export function openNetwork(): void {
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', BRIDGE, 'type', 'bridge');
  ip('addr', 'add', `${FRONT}/24`, 'dev', BRIDGE);
  ip('link', 'set', BRIDGE, 'up');
}

/** A machine: a network namespace with an address and a cable that can be pulled. */
export class Machine {
  readonly name: string;
  readonly address: string;
  /** of the test's user; the user postgres may write in it */
  readonly folder: string;
  readonly #space: Child;
  readonly #programs = new Map<string, Child['output']>();

  constructor(name: string, address: string, parent: string) {
    this.name = name;
    this.address = address;
    this.folder = join(parent, name);
    mkdirSync(this.folder);
    chmodSync(this.folder, 0o755);
    const { uid = 0, gid = 0 } = unprivileged();
    chownSync(this.folder, uid, gid);
    this.#space = startChild(['unshare', '--net', 'sleep', 'infinity']);
    this.#untilSeparate();
    const pid = String(this.#space.pid);
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
    ip('link', 'set', name, 'master', BRIDGE, 'up');
    for (const args of [
      ['addr', 'add', `${address}/24`, 'dev', 'eth0'],
      ['link', 'set', 'eth0', 'up'],
      ['link', 'set', 'lo', 'up'],
    ]) {
      execFileSync('nsenter', ['-t', pid, '-n', 'ip', ...args]);
    }
  }

  /** Starts a program on the machine. @param user default: root */
  start(command: string[], user?: 'postgres', env: Record<string, string> = {}): Child {
    const child = startChild([...this.prefix(user), ...command], {
      cwd: '/',
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', ...env },
    });
    this.record(basename(command[0] ?? ''), child);
    return child;
  }

  /** Keeps what a program writes for `lastWords`, and for the folder CLUSTER_LOGS. */
  protected record(program: string, child: Pick<Child, 'output'>): void {
    this.#programs.set(program, child.output);
    if (LOGS) written.set(join(LOGS, `${written.size}-${this.name}-${program}.log`), child);
  }

  /** The end of what each program wrote that was started here last, for a test that fails. */
  lastWords(lines = 25): string {
    return [...this.#programs]
      .flatMap(([program, output]) => [
        `-- ${this.name}, ${program}:`,
        ...output().trimEnd().split('\n').slice(-lines),
      ])
      .join('\n');
  }

  /** Whether a process runs here whose command line has a text. */
  runs(program: string): boolean {
    return this.#processes().some((pid) => commandOf(pid).includes(program));
  }

  /** What a command line begins with so that it runs on this machine. */
  prefix(user?: 'postgres'): string[] {
    const { uid, gid } = unprivileged();
    const ids = user && uid ? ['-S', String(uid), '-G', String(gid)] : [];
    return ['nsenter', '-t', String(this.#space.pid), '-n', ...ids, '--'];
  }

  /** kill -9 of every process on the machine, as if it lost its power. */
  crash(program = ''): void {
    this.signal('SIGKILL', program);
  }

  /** Signals the processes whose command line has a text. */
  signal(signal: NodeJS.Signals, program: string): void {
    for (const pid of this.#processes()) {
      if (!commandOf(pid).includes(program)) continue;
      try {
        process.kill(pid, signal);
      } catch {
        // It ended meanwhile.
      }
    }
  }

  pullCable(): void {
    ip('link', 'set', this.name, 'down');
  }

  plugCable(): void {
    ip('link', 'set', this.name, 'up');
  }

  #processes(): number[] {
    const own = spaceOf(this.#space.pid);
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && pid !== this.#space.pid && spaceOf(pid) === own);
  }

  #untilSeparate(): void {
    const test = spaceOf(process.pid);
    while ([test, undefined].includes(spaceOf(this.#space.pid))) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** The network namespace of a process; undefined where the process is gone. */
function spaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
