import { BlockList, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** @param cidrs networks or single addresses, already checked */
export function parseNetworks(cidrs: string[]): BlockList {
  const networks = new BlockList();
  for (const cidr of cidrs) {
    const [network, bits] = cidr.includes('/') ? ipaddr.parseCIDR(cidr) : [ipaddr.parse(cidr)];
    const kind = network.kind();
    networks.addSubnet(network.toString(), bits ?? (kind === 'ipv4' ? 32 : 128), kind);
  }
  return networks;
}

/** @param address in plain form */
export function isWithin(address: string, networks: BlockList): boolean {
  return networks.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/**
 * The address of the client: the peer's or, where the peer is a trusted proxy, the last one in
 * X-Forwarded-For that is no trusted proxy. Anything there that is no address ends the search
 * with the peer's.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: BlockList,
): string {
  const own = plainAddress(peer);
  if (forwardedFor === undefined || !isWithin(own, trusted)) return own;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  let client = own;
  for (const hop of hops.reverse()) {
    if (!isIPv4(hop) && (!hop.includes(':') || !ipaddr.isValid(hop))) return own;
    client = plainAddress(hop);
    if (!isWithin(client, trusted)) return client;
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
