import { BlockList, isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Origin } from '../domain/access/known-origin.ts';

/** Whether an address, in plain form, lies in certain networks. */
export type IsWithin = (address: string) => boolean;

const MOST_REMEMBERED = 10_000;

/**
 * Looking an address up takes long beside all else that reading a request's address does, and the
 * same ones come again and again, so what was found is remembered.
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

/** Which header of a trusted proxy tells the client's address. */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

/**
 * The address of the client: the peer's or, where the peer is a trusted proxy, the last one that the
 * proxies' header tells and that is no trusted proxy. Anything there that is no address ends the
 * search with the peer's.
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
  const hops = header === 'forwarded' ? forwardedHops(value) : value.split(',');
  let client = own;
  for (const hop of hops.reverse()) {
    const address = hopAddress(hop.trim());
    if (address === undefined) return own;
    client = plainAddress(address);
    if (!isTrusted(client)) return client;
  }
  return client;
}

/**
 * What limits count by: an IPv4 address, or the /64 that a customer's IPv6 addresses share.
 * @param address in plain form
 */
export function limitKey(address: string): string {
  return isIPv4(address) ? address : networkOf(address, 64);
}

/**
 * Where a request comes from, as limits count it.
 * @param address in plain form
 */
export function originOf(address: string): Origin {
  return {
    address: limitKey(address),
    // As many addresses as one customer of a provider may have.
    network: isIPv4(address) ? undefined : networkOf(address, 48),
  };
}

function networkOf(address: string, bits: number): string {
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`;
}

/**
 * The values of `for` in a header Forwarded, one for each of its elements. Elements are told apart
 * from the end on, where the trusted proxies wrote: a quote that a client left open hides none of
 * theirs. Source: RFC 7239, section 4.
 */
function forwardedHops(value: string): string[] {
  const elements: string[] = [];
  let end = value.length;
  let quoted = false;
  for (let at = value.length - 1; at >= 0; at--) {
    if (value[at] === '"') quoted = !quoted;
    if (value[at] !== ',' || quoted) continue;
    elements.push(value.slice(at + 1, end));
    end = at;
  }
  elements.push(value.slice(0, end));
  return elements.reverse().map((element) => {
    const pairs = element.split(';').map((pair) => pair.trim());
    const [, quotedNode, node = ''] = pairs.map((pair) => FOR.exec(pair)).find(Boolean) ?? [];
    return quotedNode ?? node;
  });
}

const FOR = /^for=(?:"([^"]*)"|([^"]*))$/i;
// As some load balancers write an address: with a port, or with the brackets of a URL.
const IPV4_AND_PORT = /^([0-9.]+):[0-9]{1,5}$/;
const BRACKETED = /^\[([0-9a-f:.]+)\](?::[0-9]{1,5})?$/i;

function hopAddress(hop: string): string | undefined {
  const [, address = hop] = IPV4_AND_PORT.exec(hop) ?? BRACKETED.exec(hop) ?? [];
  return isIP(address) === 0 ? undefined : address;
}

/** IPv4 in its plain form where it came as IPv6, and without a zone. */
function plainAddress(address: string): string {
  if (isIPv4(address)) return address;
  return ipaddr.process(address.split('%')[0] ?? address).toString();
}
