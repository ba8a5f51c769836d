import type { Queryable } from '../../db/database.ts';
import { type Keyring, KeyringError } from '../sealing/keyring.ts';

const KEPT_SECONDS = 300;

interface KeptFor {
  sessionId: string;
  /** path of the page that may take it */
  path: string;
  now: Date;
}

/**
 * Keeps a value for the next page of a session, sealed, for five minutes: a secret that is shown
 * once, or typed values. It replaces a value that was kept for that page before.
 * @param sessionId the secret of the session's cookie
 * @param content can be written as JSON
 */
export async function keepForPage(
  db: Queryable,
  keyring: Keyring,
  { sessionId, path, now }: KeptFor,
  content: object,
): Promise<void> {
  const sealed = await keyring.seal(db, JSON.stringify(content), sealContext(sessionId, path));
  await db.query(
    `INSERT INTO kept_for_page (session, path, sealed, kept_at)
     SELECT digest, $2, $3, $4 FROM session WHERE digest = $1
     ON CONFLICT (session, path) DO UPDATE
       SET sealed = excluded.sealed, kept_at = excluded.kept_at`,
    [keyring.digest(sessionId), path, sealed, now],
  );
}

/** Takes the value that was kept for a page; only the first of concurrent readers gets it. */
export async function takeForPage<Content extends object>(
  db: Queryable,
  keyring: Keyring,
  { sessionId, path, now }: KeptFor,
): Promise<Content | undefined> {
  const [kept] = await db.query<{ sealed: Buffer; late: boolean }>(
    `DELETE FROM kept_for_page WHERE session = $1 AND path = $2
     RETURNING sealed, kept_at < $3::timestamptz - make_interval(secs => $4) AS late`,
    [keyring.digest(sessionId), path, now, KEPT_SECONDS],
  );
  if (!kept || kept.late) return undefined;
  try {
    return JSON.parse(await keyring.open(db, kept.sealed, sealContext(sessionId, path)));
  } catch (error) {
    // A rotation has removed the key meanwhile. It does not reseal values that last five minutes.
    if (error instanceof KeyringError) return undefined;
    throw error;
  }
}

/** Deletes expired values that no page has shown. */
export async function deleteOldKept(db: Queryable, now: Date): Promise<void> {
  await db.query(
    'DELETE FROM kept_for_page WHERE kept_at < $1::timestamptz - make_interval(secs => $2)',
    [now, KEPT_SECONDS],
  );
}

function sealContext(sessionId: string, path: string): string {
  return `kept for ${path} of ${sessionId}`;
}
