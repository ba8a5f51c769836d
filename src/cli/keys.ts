import type { Command } from 'commander';
import { SEALED_API_KEYS } from '../domain/access/api-key.ts';
import { SEALED_ANSWERS } from '../domain/access/kept-answer.ts';
import { SEALED_SECOND_FACTORS } from '../domain/access/second-factor.ts';
import { audit } from '../domain/audit.ts';
import { SEALED_IMPORT_PARTS } from '../domain/moving/import-part.ts';
import { Refusal } from '../domain/refusal.ts';
import {
  beginRotation,
  describeFileKeys,
  fingerprint,
  forgetOtherFileKeys,
} from '../domain/sealing/keyring.ts';
import {
  countOldSeals,
  type ReSealed,
  reSeal,
  type SealedColumn,
} from '../domain/sealing/re-seal.ts';
import { SEALED_SIP_SECRETS } from '../domain/sip/sip-secret.ts';
import { SEALED_WEBHOOK_SECRETS } from '../domain/webhook/endpoint.ts';
import type { OpenService } from '../open-service.ts';
import {
  draftKey,
  hasDraft,
  ownKeyFile,
  readKeyFile,
  readSecretKey,
  replaceByDraft,
} from '../secret-key.ts';
import { exclusively } from './exclusively.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, fields } from './print.ts';
import { startProgress } from './progress.ts';

/**
 * Every column that holds secrets for a long time. Mailed tokens are not here: they last a day at
 * most.
 */
export const SEALED_COLUMNS: SealedColumn[] = [
  SEALED_API_KEYS,
  SEALED_SIP_SECRETS,
  SEALED_SECOND_FACTORS,
  SEALED_ANSWERS,
  ...SEALED_WEBHOOK_SECRETS,
  SEALED_IMPORT_PARTS,
];

interface RotateOptions {
  newKeyFile?: string;
  json?: true;
}

/**
 * `keys`: the secret key file and what it seals. An interrupted rotation is completed by the
 * next run.
 */
export function keysCommands(group: Command): void {
  const show = command(group, 'show', 'which secret key file opens the database', 'keys show');
  perform(show, async ({ db, config }) => {
    const inUse = fingerprint(await readSecretKey(config));
    const { sealVersion, fileKeys } = await describeFileKeys(db);
    const others = fileKeys.filter((fileKey) => fileKey !== inUse);
    return {
      json: { inUse, others, sealVersion },
      text: fields([
        ['Fingerprint of the secret key file', inUse],
        ['Others that open the database, too', others.join(', ') || 'none'],
        ['Version of the key that seals', sealVersion],
      ]),
    };
  });

  const rotate = command(
    group,
    'rotate-sealing',
    'seal all secrets anew under a new key and a new secret key file, while the service runs',
    'keys rotate-sealing',
  ).option(
    '--new-key-file <path>',
    'the file that is to replace SECRET_KEY_FILE; without that setting one is made',
  );
  perform(rotate, (service, options: RotateOptions) =>
    exclusively(service.db, () =>
      ownKeyFile(service.config) ? rotateOwn(service, options) : rotateNamed(service, options),
    ),
  );

  const forget = command(
    group,
    'forget-old',
    'refuse every secret key file but the one in use, once all hosts have it',
    'keys forget-old',
  );
  perform(forget, (service) =>
    exclusively(service.db, async () => {
      const forgotten = await forgetOthers(service, await readSecretKey(service.config));
      const text =
        forgotten.length > 0
          ? `No longer opened by ${forgotten.join(', ')}.`
          : 'No other secret key file opens the database.';
      return { json: { forgotten }, text };
    }),
  );
}

/**
 * The file belongs to the service: the command replaces it, and the old key opens nothing any more.
 */
async function rotateOwn(service: OpenService, options: RotateOptions): Promise<Output> {
  const { db, config } = service;
  if (options.newKeyFile) {
    throw new Refusal('conflict', '--new-key-file needs SECRET_KEY_FILE; leave it out');
  }
  const path = ownKeyFile(config) ?? '';
  const current = await readKeyFile(path);
  const { fileKeys } = await describeFileKeys(db);
  // If a rotation was interrupted after its file was in place, it is completed, not repeated.
  const replaced = fileKeys.length > 1 && !(await hasDraft(path));
  let kept: string | null = null;
  if (!replaced) await begin(service, current, await draftKey(path));
  const done = await reSealAll(service, options);
  if (!replaced) kept = await replaceByDraft(path);
  const next = await readKeyFile(path);
  await forgetOthers(service, next);
  const advice = kept
    ? `The old key is kept in ${kept}: restoring a backup made before needs it.`
    : 'An interrupted rotation was completed.';
  return output(done, next, `${path} holds a new key; keep a copy in a safe place.\n${advice}`, {
    oldKeyFile: kept,
  });
}

/**
 * The file belongs to the operator, perhaps on several hosts. Both keys open the database until
 * `keys forget-old`.
 */
async function rotateNamed(service: OpenService, options: RotateOptions): Promise<Output> {
  const { newKeyFile } = options;
  if (!newKeyFile) {
    throw new Refusal(
      'conflict',
      'SECRET_KEY_FILE is yours to replace: make a new key with ' +
        '(umask 077; openssl rand -hex 32 > new.key) and add --new-key-file new.key',
    );
  }
  const current = await readSecretKey(service.config);
  const next = await readKeyFile(newKeyFile);
  if (next.equals(current)) throw new Refusal('conflict', `${newKeyFile} holds the key in use`);
  await begin(service, current, next);
  const done = await reSealAll(service, options);
  return output(
    done,
    next,
    'Now put the new key in the place of SECRET_KEY_FILE on every host, or point the setting at ' +
      'it and restart;\nthen run: npx account-api keys forget-old',
    { oldKeyFile: null },
  );
}

function output(
  { sealed, damaged }: ReSealed,
  next: Buffer,
  advice: string,
  more: { oldKeyFile: string | null },
): Output {
  const left =
    damaged.length > 0
      ? `\nLeft as they were, since they cannot be opened: the secrets of ${damaged.join(', ')}; ` +
        'give these new ones'
      : '';
  return {
    json: { fingerprint: fingerprint(next), sealed, damaged, ...more },
    text: `${count(sealed, 'secret')} sealed anew.\n${advice}${left}`,
    failed: damaged.length > 0,
  };
}

async function begin({ db, clock }: OpenService, current: Buffer, next: Buffer): Promise<void> {
  await db.transaction(async (tx) => {
    const { begun } = await beginRotation(tx, current, next);
    if (!begun) return;
    const detail = { from: fingerprint(current), to: fingerprint(next) };
    await audit(tx, operator(), { action: 'sealing rotation begun', detail }, clock());
  });
}

async function forgetOthers({ db, clock }: OpenService, current: Buffer): Promise<string[]> {
  return db.transaction(async (tx) => {
    const forgotten = await forgetOtherFileKeys(tx, current);
    if (forgotten.length > 0) {
      const action = 'old secret key files forgotten';
      await audit(tx, operator(), { action, detail: { forgotten } }, clock());
    }
    return forgotten;
  });
}

async function reSealAll(service: OpenService, options: RotateOptions): Promise<ReSealed> {
  const { db, keyring } = service;
  const counts = await Promise.all(SEALED_COLUMNS.map((column) => countOldSeals(db, column)));
  const total = counts.reduce((sum, old) => sum + old, 0);
  const progress = startProgress('secrets', total, options);
  const all: ReSealed = { sealed: 0, damaged: [] };
  for (const column of SEALED_COLUMNS) {
    const before = all.sealed + all.damaged.length;
    const { sealed, damaged } = await reSeal(db, keyring, column, (done) =>
      progress.update(before + done),
    );
    all.sealed += sealed;
    all.damaged.push(...damaged);
  }
  progress.stop();
  return all;
}
