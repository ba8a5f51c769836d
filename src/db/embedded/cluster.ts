import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import { commandLine, ENVIRONMENT, give, type Identity, idsOf } from './identity.ts';
import { type Layout, syncFolder } from './layout.ts';

export const SUPERUSER = 'postgres';
export const DATABASE = 'account_api';

/** Creates an empty folder for a new cluster, and removes unfinished ones. */
export function makeDraft(layout: Layout, identity: Identity): string {
  removeDrafts(layout);
  const draft = mkdtempSync(join(layout.home, draftPrefix(layout)));
  give(draft, identity);
  return draft;
}

function removeDrafts(layout: Layout): void {
  for (const name of readdirSync(layout.home)) {
    // An initdb whose parent was killed may still write here for a moment.
    if (name.startsWith(draftPrefix(layout))) {
      rmSync(join(layout.home, name), { recursive: true, force: true, maxRetries: 10 });
    }
  }
}

function draftPrefix(layout: Layout): string {
  return `${basename(layout.cluster)}.new-`;
}

/**
 * Creates the cluster if it is missing. It is created under another name and renamed when complete,
 * so a start never finds half a cluster.
 */
export async function ensureCluster(
  layout: Layout,
  binaries: Binaries,
  identity: Identity,
): Promise<void> {
  if (existsSync(layout.cluster)) return removeDrafts(layout);
  const draft = makeDraft(layout, identity);
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = [`--username=${SUPERUSER}`, '--auth=trust'];
  const made = ['--encoding=UTF8', '--data-checksums', '--no-instructions'];
  // One call for the file system is faster than one for each of a thousand files.
  const sync = process.platform === 'linux' ? ['--sync-method=syncfs'] : [];
  await run(identity, [binaries.initdb, '-D', draft, ...locale, ...access, ...made, ...sync]);
  // Its empty database is used, because to create another one takes longer.
  await run(
    identity,
    [binaries.postgres, '--single', '-D', draft, '-c', 'exit_on_error=on', 'template1'],
    `ALTER DATABASE postgres RENAME TO ${DATABASE}\n`,
  );
  renameSync(draft, layout.cluster);
  syncFolder(layout.home);
}

function run(identity: Identity, command: string[], input = ''): Promise<void> {
  const [program = '', ...args] = commandLine(identity, command);
  return new Promise((resolve, reject) => {
    const options = { ...idsOf(identity), cwd: '/', env: ENVIRONMENT };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve();
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-4).join(' | ');
      reject(
        new EmbeddedDatabaseError(
          `PostgreSQL could not make its data folder: ${said || error.message}`,
        ),
      );
    });
    child.stdin?.end(input);
  });
}
