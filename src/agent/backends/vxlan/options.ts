/** Options of the vxlan backend in the network document (spec §5.1): VNI, Port, MTU, GBP, Learning. */

import type { Json } from '#model/lease.ts';
import type { BackendConfig, ConfigProblem } from '#model/network-config.ts';

export interface VxlanOptions {
  readonly vni: number;
  /** UDP port of the outer packets. */
  readonly port: number;
  /** MTU of the underlay; undefined: the interface's own. */
  readonly mtu: number | undefined;
  readonly gbp: boolean;
  readonly learning: boolean;
}

/** The kernel's own default, which flannel gets by not naming a port. */
const KERNEL_DEFAULT_PORT = 8472;

export function parseVxlanOptions(
  config: BackendConfig,
): { readonly options: VxlanOptions } | { readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const fields = new Map(Object.entries(config.options).map(([key, value]) => [key.toLowerCase(), value]));
  const report = (name: string, value: Json, reason: string): void => {
    problems.push({ field: `Backend.${name}`, value: JSON.stringify(value), reason });
  };
  const integer = (name: string, fallback: number, least: number, most: number): number => {
    const value = fields.get(name.toLowerCase()) ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    report(name, value, `must be a whole number from ${least} to ${most}`);
    return fallback;
  };
  const flag = (name: string): boolean => {
    const value = fields.get(name.toLowerCase()) ?? false;
    if (typeof value === 'boolean') return value;
    report(name, value, 'must be true or false');
    return false;
  };

  const vni = integer('VNI', 1, 0, 2 ** 24 - 1);
  const port = integer('Port', 0, 0, 65_535);
  const mtu = integer('MTU', 0, 0, 65_535);
  if (mtu !== 0 && mtu < SMALLEST_UNDERLAY_MTU) {
    report('MTU', mtu, `must be 0 (the interface's own) or at least ${SMALLEST_UNDERLAY_MTU}`);
  }
  const gbp = flag('GBP');
  const learning = flag('Learning');
  if (flag('DirectRouting')) report('DirectRouting', true, 'is not supported yet: leave it out');
  if (problems.length > 0) return { problems };
  const options = {
    vni,
    port: port === 0 ? KERNEL_DEFAULT_PORT : port,
    mtu: mtu === 0 ? undefined : mtu,
    gbp,
    learning,
  };
  return { options };
}

/** 68 bytes, the least IPv4 MTU, inside a 50-byte VXLAN header. */
const SMALLEST_UNDERLAY_MTU = 118;
