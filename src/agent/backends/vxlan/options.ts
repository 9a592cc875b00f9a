/** Options of the vxlan backend in the network document (spec §5.1): VNI, Port, MTU, GBP, Learning, DirectRouting. */
import { optionFields } from '#agent/backends/option-fields.ts';
import type { BackendConfig, ConfigProblem } from '#model/network-config.ts';

export interface VxlanOptions {
  readonly vni: number;
  /** UDP port of the outer packets. */
  readonly port: number;
  /** MTU of the underlay; undefined: the interface's own. */
  readonly mtu: number | undefined;
  readonly gbp: boolean;
  readonly learning: boolean;
  /** Peers that are reached without a gateway are not tunnelled to. */
  readonly directRouting: boolean;
}

/** The kernel's own default, which flannel gets by not naming a port. */
const KERNEL_DEFAULT_PORT = 8472;
/** 68 bytes, the least IPv4 MTU, inside a 50-byte VXLAN header. */
const SMALLEST_UNDERLAY_MTU = 118;

export function parseVxlanOptions(
  config: BackendConfig,
): { readonly options: VxlanOptions } | { readonly problems: readonly ConfigProblem[] } {
  const fields = optionFields(config);
  const vni = fields.integer('VNI', 1, 0, 2 ** 24 - 1);
  const port = fields.integer('Port', 0, 0, 65_535);
  const mtu = fields.integer('MTU', 0, 0, 65_535);
  if (mtu !== 0 && mtu < SMALLEST_UNDERLAY_MTU) {
    fields.report('MTU', mtu, `must be 0 (the interface's own) or at least ${SMALLEST_UNDERLAY_MTU}`);
  }
  const gbp = fields.flag('GBP');
  const learning = fields.flag('Learning');
  const directRouting = fields.flag('DirectRouting');
  if (fields.problems.length > 0) return { problems: fields.problems };
  return {
    options: {
      vni,
      port: port === 0 ? KERNEL_DEFAULT_PORT : port,
      mtu: mtu === 0 ? undefined : mtu,
      gbp,
      learning,
      directRouting,
    },
  };
}
