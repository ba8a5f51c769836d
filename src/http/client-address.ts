import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Origin } from '../domain/access/known-origin.ts';

/** Whether an address in plain form is in one of some networks. */
export type IsWithin = (address: string) => boolean;

const MOST_REMEMBERED = 10_000;

/**
 * Makes a check for networks. It remembers results, because addresses repeat and the look-up is
 * slow compared to the rest of reading a request's address.
 * @param cidrs networks or single addresses, already checked
 */
export function parseNetworks(cidrs: string[]): IsWithin {
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [network, bits] = cidr.includes('/') ? ipaddr.parseCIDR(cidr) : [ipaddr.parse(cidr)];
    const kind = network.kind();
    networks.addSubnet(network.toString(), bits ?? (kind === 'ipv4' ? 32 : 128), kind);
  }
  const known = new Map<string, boolean>();
  return (address) => {
    let within = known.get(address);
    if (within === undefined) {
      within = networks.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
      if (known.size >= MOST_REMEMBERED) known.clear();
      known.set(address, within);
    }
    return within;
  };
}

/** The header in which a trusted proxy sends the client's address. */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

/**
 * Makes a function of the client's address of a request; undefined where the client has left.
 * @param trustProxy CIDRs of trusted proxies
 * @param forwardedHeader the header that they write; the other one is ignored
 */
export function addressReader({
  trustProxy,
  forwardedHeader,
}: {
  trustProxy: string[];
  forwardedHeader: ForwardedHeader;
}): (request: IncomingMessage) => string | undefined {
  const isTrusted = parseNetworks(trustProxy);
  return ({ socket: { remoteAddress }, headers }) => {
    const forwarded = headers[forwardedHeader];
    const value = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
    return remoteAddress && clientAddress(remoteAddress, forwardedHeader, value, isTrusted);
  };
}

/**
 * The address of the client. It is the peer's address, unless the peer is a trusted proxy. Then it
 * is the last address in the header that is not a trusted proxy. If an element after it is not an
 * address, the peer's address counts.
 * @param value of the header
 */
export function clientAddress(
  peer: string,
  header: ForwardedHeader,
  value: string | undefined,
  isTrusted: IsWithin,
): string {
  const own = plainAddress(peer);
  if (value === undefined || !isTrusted(own)) return own;
  const hops = header === 'forwarded' ? forwardedHops(value) : value.split(',').reverse();
  let client = own;
  for (const hop of hops) {
    const address = hopAddress(hop.trim());
    if (address === undefined) return own;
    client = plainAddress(address);
    if (!isTrusted(client)) return client;
  }
  return client;
}

/**
 * The subject of limits: an IPv4 address, or the /64 of an IPv6 address, which one customer has.
 * @param address in plain form
 */
export function limitKey(address: string): string {
  return isIPv4(address) ? address : networkOf(address, 64);
}

/**
 * The origin of a request, for limits.
 * @param address in plain form
 */
export function originOf(address: string): Origin {
  return {
    address: limitKey(address),
    // The largest network that one customer of a provider may have.
    network: isIPv4(address) ? undefined : networkOf(address, 48),
  };
}

function networkOf(address: string, bits: number): string {
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`;
}

/**
 * The values of `for` in a header Forwarded, one for each element, the last first. Elements are
 * split from the end, which the trusted proxies wrote. So an open quote of a client cannot hide the
 * proxies' elements. Source: RFC 7239, section 4.
 */
function* forwardedHops(value: string): Generator<string> {
  let end = value.length;
  let quoted = false;
  for (let at = value.length - 1; at >= 0; at--) {
    if (value[at] === '"') quoted = !quoted;
    if (value[at] !== ',' || quoted) continue;
    yield nodeOf(value.slice(at + 1, end));
    end = at;
  }
  yield nodeOf(value.slice(0, end));
}

/** The value of `for` in an element of Forwarded; empty if there is none. */
function nodeOf(element: string): string {
  const pairs = element.split(';').map((pair) => pair.trim());
  const [, quotedNode, node = ''] = pairs.map((pair) => FOR.exec(pair)).find(Boolean) ?? [];
  return quotedNode ?? node;
}

const FOR = /^for=(?:"([^"]*)"|([^"]*))$/i;
// Some load balancers write an address with a port, or with the brackets of a URL. A port may be
// obfuscated (RFC 7239, section 6.3).
const IPV4_AND_PORT = /^([0-9.]+):(?:[0-9]{1,5}|_[\w.-]+)$/;
const BRACKETED = /^\[([0-9a-f:.]+)\](?::(?:[0-9]{1,5}|_[\w.-]+))?$/i;

function hopAddress(hop: string): string | undefined {
  const [, address = hop] = IPV4_AND_PORT.exec(hop) ?? BRACKETED.exec(hop) ?? [];
  return isIP(address) === 0 ? undefined : address;
}

/** An address without a zone; IPv4 that is mapped to IPv6 becomes IPv4. */
function plainAddress(address: string): string {
  if (isIPv4(address)) return address;
  return ipaddr.process(address.split('%')[0] ?? address).toString();
}
