import type { FastifyRequest } from 'fastify';
import { authenticate, keyDigest } from '../domain/access/api-key.ts';
import type { Caller } from '../domain/access/caller.ts';
import {
  authenticateNamedKey,
  isNamedKey,
  noteNamedKey,
  type ValidNamedKey,
} from '../domain/access/named-key.ts';
import { keyNotFromHere, readOnlyKey } from '../domain/refusal.ts';
import type { Service } from '../service.ts';
import { parseNetworks } from './client-address.ts';

/** The key that a request presents: the account's API key, or one of its named keys. */
export interface PresentedKey {
  /**
   * the key's account; looked up on the first call, as some operations find it themselves
   * @throws Refusal 'unauthorized', 'forbidden'
   */
  caller: () => Promise<Caller>;
  /** under which a statement finds the account. @throws Refusal 'unauthorized', 'forbidden' */
  digest: () => Promise<Buffer>;
}

/**
 * The API key of an account, not a named key.
 * @param key the value that the client sent as its key, of any type
 */
export function accountKey({ db, keyring }: Service, key: unknown): PresentedKey {
  let found: Promise<Caller> | undefined;
  return {
    caller: () => {
      found ??= authenticate(db, keyring, key);
      return found;
    },
    digest: async () => keyDigest(keyring, key),
  };
}

/** @param key the value that the client sent as its key, of any type */
export function presentedKey(
  service: Service,
  request: FastifyRequest,
  key: unknown,
): PresentedKey {
  const { db, keyring, clock } = service;
  if (isNamedKey(key)) {
    let found: Promise<ValidNamedKey> | undefined;
    const named = () => {
      found ??= validNamedKey(key);
      return found;
    };
    return {
      caller: async () => (await named()).caller,
      digest: async () => (await named()).digest,
    };
  }
  return accountKey(service, key);

  async function validNamedKey(secret: string): Promise<ValidNamedKey> {
    const { clientAddress, log } = request;
    const now = clock();
    const named = await authenticateNamedKey(db, keyring, secret, now);
    if (named.networks.length > 0 && !parseNetworks(named.networks)(clientAddress)) {
      throw keyNotFromHere();
    }
    noteNamedKey(db, named, clientAddress, now).catch((err) =>
      log.warn({ err }, 'a named key is not noted as used'),
    );
    return named;
  }
}

/** @throws Refusal 'forbidden' for a key that may only read */
export function requireWriting({ isReadOnly }: Caller): void {
  if (isReadOnly) throw readOnlyKey();
}
