/** The names and addresses that a certificate is valid for. */
import { isIP, SocketAddress } from 'node:net';
import type * as x509 from '@peculiar/x509';

/** Names first, then mail addresses, then IP addresses, each in the order given, as cfssl writes them. */
export function alternativeNames(hosts: readonly string[]): x509.JsonGeneralNames {
  const order = ['dns', 'email', 'ip'] as const;
  return order.flatMap((type) => hosts.filter((host) => typeOf(host) === type).map((value) => ({ type, value })));
}

/** A form in which equal names have equal texts. */
export function normalHost(host: string): string {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase();
  return new SocketAddress({ address: host, family: family === 4 ? 'ipv4' : 'ipv6' }).address;
}

function typeOf(host: string): 'dns' | 'email' | 'ip' {
  if (isIP(host) !== 0) return 'ip';
  return host.includes('@') ? 'email' : 'dns';
}
