import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Language } from '../../language.ts';
import { issueToken } from '../account/token.ts';
import { queueMessage } from '../mail/message.ts';
import type { Keyring } from '../sealing/keyring.ts';

const MINUTE_MS = 60_000;

interface Invited {
  username: number;
  name: string;
  email: string;
  language: Language | null;
}

/**
 * Mails each account that one of these imports created a link to verify its address and to choose a password,
 * unless its owner has a password. It may be interrupted and called again: each gets one mail.
 * @returns how many mails were queued
 */
export async function sendInvitations(
  db: Database,
  tools: { keyring: Keyring; queue: Queue; clock: () => Date },
  runs: string[],
  { perMinute, onProgress }: { perMinute: number; onProgress?: (done: number) => void },
): Promise<number> {
  const step = Math.max(1, Math.round(perMinute / 60));
  for (let done = 0; ; ) {
    const sent = await inviteSome(db, tools, runs, step);
    done += sent;
    onProgress?.(done);
    if (sent < step) return done;
    await sleep((MINUTE_MS * step) / perMinute);
  }
}

function inviteSome(
  db: Database,
  { keyring, queue, clock }: { keyring: Keyring; queue: Queue; clock: () => Date },
  runs: string[],
  most: number,
): Promise<number> {
  const now = clock();
  return db.transaction(async (tx) => {
    const accounts = await tx.query<Invited>(
      `WITH next AS (
         SELECT r.run, r.line, a.username, a.name, a.email, a.language
         FROM import_row r JOIN account a ON a.username = r.account
         WHERE r.run = ANY($1) AND r.status = 'created' AND r.invited_at IS NULL
           AND a.closed_at IS NULL AND a.password_unset
         ORDER BY r.run, r.line LIMIT $2 FOR UPDATE OF r SKIP LOCKED
       ), marked AS (
         UPDATE import_row r SET invited_at = $3 FROM next n WHERE r.run = n.run AND r.line = n.line
       )
       SELECT username, name, email, language FROM next`,
      [runs, most, now],
    );
    for (const { username, name, email, language } of accounts) {
      const token = await issueToken(tx, { keyring, now }, username, 'verification');
      const message = { kind: 'verification', username, token } as const;
      await queueMessage(tx, queue, { to: email, name, language, message });
    }
    return accounts.length;
  });
}
