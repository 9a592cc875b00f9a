/** MAC addresses as lower-case colon text, the form etcd records and `ip link` use. */
export type Mac = string;

/** Canonical form of a unicast, non-zero MAC address; undefined for anything else (a peer's MAC is hostile input). */
export function parseMac(text: string): Mac | undefined {
  const lower = text.toLowerCase();
  if (!/^([\da-f]{2}:){5}[\da-f]{2}$/.test(lower) || lower === '00:00:00:00:00:00') return undefined;
  const first = Number.parseInt(lower.slice(0, 2), 16);
  return (first & 1) === 1 ? undefined : lower;
}

/** A MAC from six random bytes: locally administered bit set, multicast bit clear. */
export function macFromRandom(bytes: Uint8Array): Mac {
  const own = Uint8Array.from(bytes.subarray(0, 6));
  own[0] = ((own[0] ?? 0) | 2) & 0xfe;
  return formatMac(own);
}

export function formatMac(bytes: Uint8Array): Mac {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
