/** An address of each range set for a container: the ones that were asked for, else the next that are free. */
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { formatIp, type Ip } from '#model/ip.ts';
import { exhausted, type Owner } from './address-folder.ts';
import { type Candidate, candidateAt, formatRangeSet, type RangeSet } from './address-range.ts';
import type { Network } from './network.ts';
import { reclaim } from './reclaim.ts';

export interface WantedAddresses {
  readonly rangeSets: readonly RangeSet[];
  /** All of these, or none. */
  readonly asked: readonly Ip[];
}

/**
 * Adds one of each set to `taken`, also when it throws: CniError 999, in host-local's words. What containers that vanished have
 * is reclaimed before anybody is refused.
 */
export async function takeAddresses(
  network: Network,
  { rangeSets, asked }: WantedAddresses,
  owner: Owner,
  taken: Candidate[],
): Promise<void> {
  const wanted = chooseSets(rangeSets, asked);
  for (const [index, set] of rangeSets.entries()) {
    const given = wanted[index];
    const take = (): Candidate | undefined =>
      given === undefined ? network.addresses.take(set, index, owner) : network.addresses.takeThis(given, index, owner);
    let candidate = take();
    if (candidate === undefined) {
      await reclaim(network);
      candidate = take();
    }
    if (candidate === undefined) throw given === undefined ? exhausted(set) : notAvailable(given, set);
    taken.push(candidate);
  }
}

/** For each set the first that is asked of it. Throws CniError 999 when one is left: nobody gets another address than asked. */
function chooseSets(rangeSets: readonly RangeSet[], asked: readonly Ip[]): readonly (Candidate | undefined)[] {
  const left = new Set(asked);
  const wanted = rangeSets.map((set) => {
    for (const address of left) {
      const candidate = candidateAt(set, address);
      if (candidate === undefined) continue;
      left.delete(address);
      return candidate;
    }
    return undefined;
  });
  if (left.size === 0) return wanted;
  throw new CniError(
    CNI_CODES.internal,
    `failed to allocate all requested IPs: ${[...left].map(formatIp).join(',')}`,
    `each range set gives one address: ${rangeSets.map(formatRangeSet).join(' and ')}`,
  );
}

function notAvailable({ address }: Candidate, set: RangeSet): CniError {
  return new CniError(
    CNI_CODES.internal,
    `requested IP address ${formatIp(address)} is not available in range set ${formatRangeSet(set)}`,
    'another container has it',
  );
}
