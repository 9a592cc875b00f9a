/**
 * Options of the wireguard backend in the network document (spec §5.5): ListenPort, ListenPortV6, MTU, PSK,
 * PersistentKeepaliveInterval, Mode.
 */
import { memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';

/** `separate`: a device for each family; else one device for both, and which of a peer's addresses it is reached at. */
export type WireguardMode = 'separate' | 'auto' | 'ipv4' | 'ipv6';

export interface WireguardOptions {
  readonly listenPort: number;
  /** Of the IPv6 device, which there is in mode `separate` only. */
  readonly listenPortV6: number;
  /** MTU of the underlay; undefined: the interface's own. */
  readonly mtu: number | undefined;
  /** Base64 of 32 bytes, the same on all hosts; a secret. */
  readonly presharedKey: string | undefined;
  /** 0: off. */
  readonly keepaliveSeconds: number;
  readonly mode: WireguardMode;
}

const MODES: readonly WireguardMode[] = ['separate', 'auto', 'ipv4', 'ipv6'];
/** The least MTU of the family inside, and WireGuard's 80 bytes. */
const SMALLEST_UNDERLAY_MTU = { ipv4: 68 + 80, ipv6: 1280 + 80 } as const;
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const NO_KEY = `${'A'.repeat(43)}=`;

/** All problems at once; the value of PSK is in none of them. */
export function parseWireguardOptions(
  config: NetworkConfig,
): { readonly options: WireguardOptions } | { readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const field = (name: string): Json => memberOf(config.backend.options, name.toLowerCase()) ?? null;
  const report = (name: string, value: string, reason: string): void => {
    problems.push({ field: `Backend.${name}`, value, reason });
  };
  const integer = (name: string, fallback: number, least: number, most: number): number => {
    const value = field(name) ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    report(name, excerpt(value), `must be a whole number from ${least} to ${most}`);
    return fallback;
  };

  const listenPort = integer('ListenPort', 51_820, 1, 65_535);
  const listenPortV6 = integer('ListenPortV6', 51_821, 1, 65_535);
  const mtu = integer('MTU', 0, 0, 65_535);
  const leastMtu = SMALLEST_UNDERLAY_MTU[config.enableIpv6 ? 'ipv6' : 'ipv4'];
  if (mtu !== 0 && mtu < leastMtu) {
    report('MTU', String(mtu), `must be 0 (the interface's own) or at least ${leastMtu}`);
  }
  const keepaliveSeconds = integer('PersistentKeepaliveInterval', 0, 0, 65_535);
  const psk = field('PSK') ?? '';
  // The value is a secret: it is never part of a message.
  if (typeof psk !== 'string' || (psk !== '' && !KEY.test(psk.trim()))) {
    report('PSK', '', 'must be the base64 text of 32 bytes, as wg genpsk prints it');
  }
  const word = field('Mode') ?? '';
  const mode = word === '' ? 'separate' : MODES.find((known) => known === word);
  if (mode === undefined) report('Mode', excerpt(word), `must be one of ${MODES.join(', ')}`);
  if (mode === 'ipv4' && !config.enableIpv4)
    report('Mode', '"ipv4"', 'needs EnableIPv4: hosts have no IPv4 address else');
  if (mode === 'ipv6' && !config.enableIpv6)
    report('Mode', '"ipv6"', 'needs EnableIPv6: hosts have no IPv6 address else');
  if (mode === 'separate' && config.enableIpv4 && config.enableIpv6 && listenPort === listenPortV6) {
    report(
      'ListenPortV6',
      String(listenPortV6),
      'must differ from ListenPort: each device listens on a port of its own',
    );
  }
  if (problems.length > 0) return { problems };
  // A key of zeros is how WireGuard says that there is none.
  const key = typeof psk === 'string' ? psk.trim() : '';
  const presharedKey = key === '' || key === NO_KEY ? undefined : key;
  return {
    options: {
      listenPort,
      listenPortV6,
      mtu: mtu === 0 ? undefined : mtu,
      presharedKey,
      keepaliveSeconds,
      mode: mode ?? 'separate',
    },
  };
}

const LONGEST_EXCERPT = 60;

function excerpt(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST_EXCERPT ? text : `${text.slice(0, LONGEST_EXCERPT)}…`;
}
