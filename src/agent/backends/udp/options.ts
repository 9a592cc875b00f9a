/** Options of the udp backend in the network document (spec §5.3): Port. */
import { memberOf } from '#model/json-document.ts';
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';

export interface UdpOptions {
  /** UDP port of this host and of all peers. */
  readonly port: number;
}

const DEFAULT_PORT = 8285;

export function parseUdpOptions(
  config: NetworkConfig,
): { readonly options: UdpOptions } | { readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const value = memberOf(config.backend.options, 'port') ?? DEFAULT_PORT;
  const port =
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined;
  if (port === undefined) {
    const text = JSON.stringify(value);
    problems.push({
      field: 'Backend.Port',
      value: text.length > 60 ? `${text.slice(0, 60)}…` : text,
      reason: 'must be a whole number from 1 to 65535',
    });
  }
  if (config.enableIpv6) {
    const reason = 'the udp backend carries IPv4 only: use vxlan, host-gw or wireguard';
    problems.push({ field: 'EnableIPv6', value: 'true', reason });
  }
  return port === undefined || problems.length > 0 ? { problems } : { options: { port } };
}
