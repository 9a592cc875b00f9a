/** IPv4 addresses as unsigned 32-bit numbers in host order: cheap to compare, to sort and to keep by the ten thousand. */
export type Ipv4 = number;

/** Strict dotted quad, no leading zeros (Go's net.ParseIP rule); undefined when it is none. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined;
    const byte = Number(part);
    if (byte > 255) return undefined;
    address = address * 256 + byte;
  }
  return address;
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}
