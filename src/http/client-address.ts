import ipaddr from 'ipaddr.js';

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** @param cidrs networks or single addresses, already checked */
export function parseNetworks(cidrs: string[]): Range[] {
  return cidrs.map((cidr) => {
    if (cidr.includes('/')) return ipaddr.parseCIDR(cidr);
    const address = ipaddr.parse(cidr);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  });
}

export function isWithin(address: string, networks: Range[]): boolean {
  const parsed = ipaddr.process(address);
  return networks.some(([network, bits]) => {
    return parsed.kind() === network.kind() && parsed.match([network, bits] as never);
  });
}

/**
 * The address of the client: the peer's or, where the peer is a trusted proxy, the last one in
 * X-Forwarded-For that is no trusted proxy. Anything there that is no address ends the search
 * with the peer's.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: Range[],
): string {
  const own = plainAddress(peer);
  if (forwardedFor === undefined || trusted.length === 0 || !isWithin(own, trusted)) return own;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  let client = own;
  for (const hop of hops.reverse()) {
    if (!ipaddr.isValid(hop) || isShortForm(hop)) return own;
    client = plainAddress(hop);
    if (!isWithin(client, trusted)) return client;
  }
  return client;
}

/** What limits count by: an IPv4 address, or the /64 that a customer's IPv6 addresses share. */
export function limitKey(address: string): string {
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`);
  return `${network.toString()}/64`;
}

/** IPv4 in its plain form where it came as IPv6, and without a zone. */
function plainAddress(address: string): string {
  return ipaddr.process(address.split('%')[0] ?? address).toString();
}

/** ipaddr.js reads `1` or `0x7f.1` as addresses, as inet_aton does; no proxy writes them. */
function isShortForm(address: string): boolean {
  return !address.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(address);
}
