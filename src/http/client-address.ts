import { BlockList, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

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

/**
 * The address of the client: the peer's or, where the peer is a trusted proxy, the last one in
 * X-Forwarded-For that is no trusted proxy. Anything there that is no address ends the search
 * with the peer's.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  isTrusted: IsWithin,
): string {
  const own = plainAddress(peer);
  if (forwardedFor === undefined || !isTrusted(own)) return own;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  let client = own;
  for (const hop of hops.reverse()) {
    if (!isIPv4(hop) && (!hop.includes(':') || !ipaddr.isValid(hop))) return own;
    client = plainAddress(hop);
    if (!isTrusted(client)) return client;
  }
  return client;
}

/**
 * What limits count by: an IPv4 address, or the /64 that a customer's IPv6 addresses share.
 * @param address in plain form
 */
export function limitKey(address: string): string {
  if (isIPv4(address)) return address;
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`);
  return `${network.toString()}/64`;
}

/** IPv4 in its plain form where it came as IPv6, and without a zone. */
function plainAddress(address: string): string {
  if (isIPv4(address)) return address;
  return ipaddr.process(address.split('%')[0] ?? address).toString();
}
