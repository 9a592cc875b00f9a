/** Which of our rules decides about a packet: the masquerade chain walked as the kernel walks it. Pure. */
import type { AddressMatch, Rule, Verdict } from './rule.ts';

export interface PacketHeader {
  readonly source: bigint;
  readonly destination: bigint;
  /** Packet mark, unsigned 32 bits. */
  readonly mark: number;
}

export interface Decision {
  /** Counted from 1, as `iptables -L --line-numbers` does. */
  readonly number: number;
  readonly rule: Rule;
  readonly verdict: Verdict;
}

/** The first rule that matches; undefined when the packet comes out at the end of the chain. Same family throughout. */
export function explainPacket(rules: readonly Rule[], packet: PacketHeader): Decision | undefined {
  const at = rules.findIndex((rule) => matches(rule, packet));
  const rule = rules[at];
  return rule === undefined ? undefined : { number: at + 1, rule, verdict: rule.verdict };
}

function matches({ source, destination, mark }: Rule, packet: PacketHeader): boolean {
  if (mark !== undefined && (packet.mark & mark.mask) >>> 0 !== mark.value) return false;
  return addressMatches(source, packet.source) && addressMatches(destination, packet.destination);
}

function addressMatches(match: AddressMatch | undefined, address: bigint): boolean {
  if (match === undefined) return true;
  const inside = match.prefix.first <= address && address <= match.prefix.last;
  return inside !== match.negated;
}
