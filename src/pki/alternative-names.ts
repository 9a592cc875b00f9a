/** The names and addresses that a certificate is valid for. */
import { isIP } from 'node:net';
import type * as x509 from '@peculiar/x509';

/** Names first, then mail addresses, then IP addresses, each in the order given, as cfssl writes them. */
export function alternativeNames(hosts: readonly string[]): x509.JsonGeneralNames {
  const order = ['dns', 'email', 'ip'] as const;
  return order.flatMap((type) =>
    hosts.filter((host) => typeOf(host) === type).map((host) => ({ type, value: spelling(type, host) })),
  );
}

/** A form in which equal names have equal texts; an IPv4 address mapped into IPv6 is the IPv4 address, as for Go. */
export function normalHost(host: string): string {
  const family = isIP(host);
  if (family !== 6) return host.toLowerCase();
  // Shortened, and in hexadecimal throughout.
  const address = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const bytes = [high, low].flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
  return bytes.join('.');
}

/** Names stay as they are written; addresses are written in one way, which is the only one that is encoded rightly. */
function spelling(type: 'dns' | 'email' | 'ip', host: string): string {
  return type === 'ip' ? normalHost(host) : host;
}

function typeOf(host: string): 'dns' | 'email' | 'ip' {
  if (isIP(host) !== 0) return 'ip';
  return host.includes('@') ? 'email' : 'dns';
}
