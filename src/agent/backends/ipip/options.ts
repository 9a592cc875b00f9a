/** Options of the ipip backend in the network document (spec §5.4): DirectRouting. */
import { optionFields } from '#agent/backends/option-fields.ts';
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';

export interface IpipOptions {
  /** Peers that are reached without a gateway are not tunnelled to. */
  readonly directRouting: boolean;
}

export function parseIpipOptions({
  backend,
  ipv4,
  enableIpv6,
}: NetworkConfig): { readonly options: IpipOptions } | { readonly problems: readonly ConfigProblem[] } {
  const fields = optionFields(backend);
  const directRouting = fields.flag('DirectRouting');
  const problems = [...fields.problems];
  if (ipv4 === undefined || enableIpv6) {
    const reason = 'ipip carries IPv4 only: leave IPv6 out, or use vxlan, wireguard or host-gw';
    problems.push({ field: 'EnableIPv6', value: 'true', reason });
  }
  return problems.length > 0 ? { problems } : { options: { directRouting } };
}
