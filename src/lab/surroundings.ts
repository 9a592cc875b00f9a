/** What a new lab has to keep clear of: networks of this machine and of other labs. Choosing and checking are pure. */
import { formatIpv4Cidr, type Ipv4Cidr, ipv4CidrsOverlap, maskIpv4Cidr } from '#model/cidr.ts';
import { parseIpv4 } from '#model/ipv4.ts';

export interface TakenNetwork {
  readonly network: Ipv4Cidr;
  /** Who has it, as in "this machine's eth0" or "the lab blue". */
  readonly owner: string;
}

const FIRST_CHOICE = 77;
const LAST_CHOICE = 126;

/** The first of 10.77.0.0/16 to 10.126.0.0/16 that overlaps nothing taken; undefined when all do. */
export function chooseSubnet(taken: readonly TakenNetwork[]): Ipv4Cidr | undefined {
  for (let second = FIRST_CHOICE; second <= LAST_CHOICE; second += 1) {
    const candidate = { address: parseIpv4(`10.${second}.0.0`) ?? 0, length: 16 };
    if (!taken.some((other) => ipv4CidrsOverlap(candidate, other.network))) return candidate;
  }
  return undefined;
}

/** Says which of the taken networks it overlaps; empty when none. */
export function overlapsOf(subnet: Ipv4Cidr, taken: readonly TakenNetwork[]): readonly string[] {
  return taken
    .filter((other) => ipv4CidrsOverlap(subnet, other.network))
    .map(
      (other) =>
        `${formatIpv4Cidr(maskIpv4Cidr(subnet))} overlaps ${formatIpv4Cidr(maskIpv4Cidr(other.network))} of ${other.owner}`,
    );
}
