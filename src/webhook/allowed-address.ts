import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import ipaddr from 'ipaddr.js';
import { InvalidValue, type ValueProblem } from '../domain/problem.ts';

const LONGEST_URL = 2_000;
const RESOLVE_MS = 5_000;

export interface Address {
  address: string;
  family: number;
}

/** Finds all addresses of a host name. */
export type Resolve = (name: string) => Promise<Address[]>;

/** The system's resolver, which also reads the hosts file. */
export const systemResolve: Resolve = (name) => lookup(name, { all: true });

const wrong = (fault: Extract<ValueProblem, { key: 'url' }>['fault']) =>
  new InvalidValue({ key: 'url', fault });

/** An address that webhooks must not reach. */
export class RefusedAddress extends Error {}

/**
 * Checks the form of a URL: https, a port that is 443 or 1024 and above, no user, no fragment. http
 * and port 80 are for hosts that the operator allows.
 * @param allow host names, addresses and CIDRs of `WEBHOOK_ALLOW`
 * @throws InvalidValue
 */
export function requireUrl(text: string, allow: string[]): URL {
  if (text.length > LONGEST_URL) throw wrong('long');
  if (!URL.canParse(text)) throw wrong('form');
  const url = new URL(text);
  if (!['https:', 'http:'].includes(url.protocol)) throw wrong('https');
  if (url.username || url.password) throw wrong('user');
  if (url.hash) throw wrong('fragment');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (port !== 443 && port < 1024 && !(port === 80 && url.protocol === 'http:')) {
    throw wrong('port');
  }
  const host = hostOf(url);
  const isLiteral = isIP(host) > 0;
  const isPlain = url.protocol === 'http:';
  if (isPlain && !mayBePlain(host, isLiteral, allow)) {
    throw wrong('https');
  }
  if (isLiteral && !isReachable(host, host, allow)) {
    throw wrong('private');
  }
  return url;
}

/** Addresses of WEBHOOK_ALLOW are compared with the addresses when the name is resolved. */
const mayBePlain = (host: string, isLiteral: boolean, allow: string[]) =>
  isListed(host, host, allow) ||
  (!isLiteral && allow.some((item) => item.includes('/') || ipaddr.isValid(item)));

/**
 * Resolves the host of a URL once. The connection must go to one of these addresses. A literal
 * address is not resolved.
 * @throws RefusedAddress if one of them is not public and not allowed
 */
export async function allowedAddresses(
  url: URL,
  allow: string[],
  resolve: Resolve,
): Promise<{ addresses: Address[]; isPublic: boolean }> {
  const host = hostOf(url);
  const family = isIP(host);
  const addresses = family > 0 ? [{ address: host, family }] : await resolve(host);
  for (const { address } of addresses) {
    const isSafe =
      url.protocol === 'https:'
        ? isReachable(host, address, allow)
        : isListed(host, address, allow);
    if (!isSafe) throw new RefusedAddress(`${host} is at ${address}`);
  }
  return { addresses, isPublic: addresses.every(({ address }) => isUnicast(address)) };
}

/**
 * Checks an entered URL: its form, and that its host has allowed addresses now.
 * @throws InvalidValue
 */
export async function requireAllowed(
  text: string,
  allow: string[],
  resolve = systemResolve,
): Promise<void> {
  const url = requireUrl(text, allow);
  const late = sleep(RESOLVE_MS, undefined, { ref: false }).then(() => {
    throw new Error('it takes too long');
  });
  await Promise.race([allowedAddresses(url, allow, resolve), late]).catch((error) => {
    throw error instanceof RefusedAddress ? wrong('private') : wrong('unknown');
  });
}

/** The host without the brackets of an IPv6 address and without a last dot. */
const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$|\.$/g, '');

const isReachable = (host: string, address: string, allow: string[]) =>
  isUnicast(address) || isListed(host, address, allow);

/** `process` unwraps IPv4 that is mapped to IPv6. NAT64 and 6to4 are ranges of their own. */
const isUnicast = (address: string) =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

function isListed(host: string, address: string, allow: string[]): boolean {
  const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
  return allow.some((item) => {
    if (item === host.toLowerCase()) return true;
    if (!parsed || !(ipaddr.isValid(item) || ipaddr.isValidCIDR(item))) return false;
    const [network, bits] = ipaddr.isValidCIDR(item)
      ? ipaddr.parseCIDR(item)
      : [ipaddr.process(item), undefined];
    if (network.kind() !== parsed.kind()) return false;
    return parsed.match(network, bits ?? (network.kind() === 'ipv4' ? 32 : 128));
  });
}
