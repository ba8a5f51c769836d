import ipaddr from 'ipaddr.js';
import { type Decimal, toMicros } from '../money.ts';
import { Refusal } from '../refusal.ts';
import type { KeySettings } from './operator-key.ts';

/**
 * Makes sure that a key does not give another key more rights than it has itself.
 * @throws Refusal 'forbidden', with the reason 'wider key'
 */
export function requireNoWider(maker: KeySettings, made: KeySettings): void {
  const isWithin = (limit: Decimal | null, own: Decimal | null) =>
    own === null || (limit !== null && toMicros(limit) <= toMicros(own));
  const isNarrower =
    made.scopes.every((scope) => scope !== 'keys:write' && maker.scopes.includes(scope)) &&
    (maker.networks.length === 0 ||
      (made.networks.length > 0 &&
        made.networks.every((network) => maker.networks.some((own) => contains(own, network))))) &&
    (maker.accounts.length === 0 ||
      (made.accounts.length > 0 &&
        made.accounts.every((account) => maker.accounts.includes(account)))) &&
    isWithin(made.entryLimit, maker.entryLimit) &&
    isWithin(made.dayLimit, maker.dayLimit) &&
    (maker.expiresAt === null || (made.expiresAt !== null && made.expiresAt <= maker.expiresAt));
  if (isNarrower) return;
  throw new Refusal('forbidden', 'the key would be let do more than the one that makes it', {
    reason: 'wider key',
  });
}

/** Whether one network is part of another; both are CIDRs or single addresses. */
function contains(outer: string, inner: string): boolean {
  const parsed = (text: string) => {
    const [address, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.parse(text)];
    return { address, bits: bits ?? (address.kind() === 'ipv4' ? 32 : 128) };
  };
  const [whole, part] = [parsed(outer), parsed(inner)];
  return (
    whole.address.kind() === part.address.kind() &&
    part.bits >= whole.bits &&
    part.address.match(whole.address as ipaddr.IPv4 & ipaddr.IPv6, whole.bits)
  );
}
