/**
 * Several agents may share a host, each with a network of its own (spec §0), and all of them, flannel's too, write into the
 * same chains. Rules of a network that is neither ours nor was stay where they are, or each would remove the other's for ever.
 */
import { cidrsOverlap, parseCidr } from '#model/ip.ts';
import type { DesiredFirewall, Fabric } from './desired.ts';
import { fabricOf } from './desired.ts';
import { type Family, MULTICAST } from './prefix.ts';

/** Of this family: the networks that this agent has or had. Without any nothing is taken for another agent's. */
export function knownFabrics(desired: DesiredFirewall, family: Family): readonly Fabric[] {
  if (fabricOf(desired, family) === undefined) return [];
  return [...desired.fabrics, ...desired.former].filter(({ network }) => network.family === family);
}

/** Whether all networks that a rule names, of which there is one at least, lie outside those. */
export function isOfOtherFabric(rule: string, known: readonly Fabric[]): boolean {
  const named = networksIn(rule);
  return known.length > 0 && named.length > 0 && !named.some((text) => known.some((own) => overlap(text, own)));
}

/**
 * What a chain of ours shall hold beside what it holds of others: as it is, when ours are there in their order, else ours
 * first. A rule that names no network (kube-proxy's mark) serves all, once. Undefined when it shall not be there.
 */
export function sharedRules(
  wanted: readonly string[] | undefined,
  held: readonly string[],
  isOther: (rule: string) => boolean,
  same: (a: string, b: string | undefined) => boolean,
): readonly string[] | undefined {
  const others = held.filter(isOther);
  if (others.length === 0) return wanted;
  const mine = held.filter((rule, at) => !isOther(rule) && held.indexOf(rule) === at);
  const ours = wanted ?? mine.filter((rule) => networksIn(rule).length === 0);
  const isRight = ours.length === mine.length && ours.every((rule, at) => same(rule, mine[at]));
  return isRight ? held : [...ours, ...others];
}

function overlap(text: string, { network, subnet }: Fabric): boolean {
  const cidr = parseCidr(text);
  return [network, subnet].some((own) => {
    const other = parseCidr(own.text);
    return cidr === undefined || other === undefined || cidrsOverlap(cidr, other);
  });
}

/** Both programs print networks as words of their own. */
function networksIn(rule: string): readonly string[] {
  const words = rule.match(/(?<!\S)[\da-f.:]+\/\d+(?!\S)/g) ?? [];
  return words.filter((word) => word !== MULTICAST.ipv4.text && word !== MULTICAST.ipv6.text);
}
