/** Endpoints: an address of either family and a port, as `wg` writes them. */
import { formatIp, type Ip } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';

export interface Endpoint {
  readonly address: Ip;
  readonly port: number;
}

/** `192.0.2.1:51820` or `[2001:db8::1]:51820`; undefined when it is neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, ipv6, ipv4, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = ipv6 === undefined ? parseIpv4(ipv4 ?? '') : parseIpv6(ipv6);
  const port = Number(digits);
  return address === undefined || !(port <= 65_535) ? undefined : { address, port };
}

export function formatEndpoint({ address, port }: Endpoint): string {
  const host = formatIp(address);
  return typeof address === 'number' ? `${host}:${port}` : `[${host}]:${port}`;
}
