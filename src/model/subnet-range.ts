/**
 * The rules that both families of a network document share (spec §1.3, §1.4): subnet length, first and last subnet that
 * may be leased, checked and completed. Addresses are bigints here, whatever the family.
 */
export interface SubnetRange {
  readonly network: { readonly address: bigint; readonly length: number };
  readonly subnetLength: number;
  readonly subnetMin: bigint;
  readonly subnetMax: bigint;
}

export interface SubnetRangeFields {
  /** 32 or 128. */
  readonly bits: number;
  /** `''` or `IPv6`: what the field names begin with. */
  readonly prefix: string;
  /** Masked; undefined when it is missing or unreadable. */
  readonly network: { readonly address: bigint; readonly length: number } | undefined;
  /** 0 when unset; undefined when it is unreadable: then only what does not depend on it is checked. */
  readonly subnetLength: number | undefined;
  /** 0n when unset. */
  readonly subnetMin: bigint;
  readonly subnetMax: bigint;
  readonly format: (address: bigint) => string;
}

/** The completed range, or undefined after naming every problem through `report`. */
export function completeSubnetRange(
  fields: SubnetRangeFields,
  report: (field: string, value: string | number, reason: string) => void,
): SubnetRange | undefined {
  let good = true;
  const problem: typeof report = (field, value, reason) => {
    good = false;
    report(`${fields.prefix}${field}`, value, reason);
  };
  const { bits, network, format, subnetLength: asked } = fields;
  if (asked !== undefined && asked > bits - 2) problem('SubnetLen', asked, `must be less than /${bits - 1}`);
  if (network === undefined) return undefined;

  const cidr = `${format(network.address)}/${network.length}`;
  const end = network.address + (1n << BigInt(bits - network.length));
  if (asked !== undefined && asked > 0 && asked < network.length + 2) {
    const least = network.length + 2;
    problem('SubnetLen', asked, `the network ${cidr} must hold at least four subnets: use ${least} or more`);
  }
  if (asked === 0 && network.length > bits - 4) {
    problem('Network', cidr, `is too small, the minimum useful prefix is /${bits - 4}`);
  }
  const subnetLength = good && asked !== undefined ? asked || defaultSubnetLength(bits, network.length) : undefined;
  const given = [
    ['SubnetMin', fields.subnetMin],
    ['SubnetMax', fields.subnetMax],
  ] as const;
  for (const [field, address] of given.filter(([, each]) => each !== 0n)) {
    if (address < network.address || address >= end) {
      problem(field, format(address), `is not in the range of the Network ${cidr}`);
    }
    const hostPart = subnetLength === undefined ? 0n : address % (1n << BigInt(bits - subnetLength));
    if (hostPart !== 0n) {
      const below = format(address - hostPart);
      problem(field, format(address), `is not on a SubnetLen boundary: a /${subnetLength} begins at ${below}`);
    }
  }
  if (!good || subnetLength === undefined) return undefined;

  const size = 1n << BigInt(bits - subnetLength);
  const subnetMin = fields.subnetMin || network.address + size;
  const subnetMax = fields.subnetMax || end - size;
  if (subnetMin > subnetMax) {
    problem('SubnetMin', format(subnetMin), `is above SubnetMax ${format(subnetMax)}: no subnet could ever be leased`);
    return undefined;
  }
  return { network, subnetLength, subnetMin, subnetMax };
}

/** flannel's default: /24 (/64) where at least four fit, else a quarter of the network. */
function defaultSubnetLength(bits: number, networkLength: number): number {
  const usual = bits === 32 ? 24 : 64;
  return networkLength <= usual - 2 ? usual : networkLength + 2;
}
