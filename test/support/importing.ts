import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AccountRecord, searchAccounts } from '../../src/domain/account/account-search.ts';
import type { TestService } from './service.ts';
import { runShared } from './shared-command.ts';

/** What tests of imports by the command need. */
export interface Importing {
  /** writes a file of lines, or of bytes. @returns its path */
  file: (name: string, content: string[] | Buffer) => string;
  /** runs `import` with arguments, and asserts its status. @returns its JSON */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  run: (status: number, ...args: string[]) => Promise<any>;
  /** finds an account by the id that it has elsewhere */
  accountOf: (externalId: string) => Promise<AccountRecord | undefined>;
}

export function importing(api: TestService): Importing {
  return {
    file: (name, content) => {
      const path = join(api.folder, name);
      writeFileSync(path, Array.isArray(content) ? `${content.join('\n')}\n` : content);
      return path;
    },
    run: async (status, ...args) => {
      const done = await runShared(api.env, 'import', ...args, '--json');
      assert.equal(done.status, status, done.stdout + done.stderr);
      return JSON.parse(done.stdout || done.stderr.trim().split('\n').at(-1) || '');
    },
    accountOf: async (externalId) => {
      const [account] = await searchAccounts(
        api.service.db,
        { externalId: [externalId], state: 'all' },
        { order: 'username', limit: 1 },
      );
      return account;
    },
  };
}

/** Of a run: created, updated, unchanged, skipped, failed. */
export const counts = ({
  created,
  updated,
  unchanged,
  skipped,
  failed,
}: Record<string, number>) => [created, updated, unchanged, skipped, failed];
