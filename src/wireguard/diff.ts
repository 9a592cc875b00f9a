/** What turns a device into what it is to be. Pure. Peers are told apart by their public keys. */
import type {
  ObservedDevice,
  ObservedPeer,
  PeerChange,
  WireguardChange,
  WireguardPeer,
  WireguardSettings,
} from './device.ts';
import type { WireguardKey } from './key.ts';

/** After that long without a handshake a session is dead (REJECT_AFTER_TIME of the WireGuard paper). */
const SESSION_MS = 180_000;

/** What is known beside the device itself. */
export interface DiffContext {
  /** Milliseconds since 1970, as handshakes are dated. */
  readonly nowMs: number;
  /** The device's own public key. */
  readonly publicKey: WireguardKey;
  /** The endpoint that each peer was last wanted to have; empty after a start. */
  readonly wanted: ReadonlyMap<WireguardKey, string>;
}

/**
 * Both ends of a new pair learn of each other in the same millisecond, and a keepalive makes each begin a handshake at
 * once. Two that cross fail, and are tried again 5 s later: measured, one in ten did so, and with a keepalive of 5 s they
 * crossed again and again. So the end with the greater key writes a new peer without its keepalive, which the next pass adds.
 */
export function defersKeepalive(peer: WireguardPeer, now: ObservedPeer | undefined, publicKey: WireguardKey): boolean {
  return now === undefined && peer.keepaliveSeconds > 0 && publicKey > peer.publicKey;
}

/** Undefined when nothing differs. Removals stand first: they free the allowed IPs that others take over. */
export function diffDevice(
  desired: WireguardSettings,
  observed: ObservedDevice,
  context: DiffContext,
): WireguardChange | undefined {
  const known = new Map(observed.peers.map((peer) => [peer.publicKey, peer]));
  const kept = new Set(desired.peers.map(({ publicKey }) => publicKey));
  const peers: PeerChange[] = [];
  for (const { publicKey } of observed.peers) if (!kept.has(publicKey)) peers.push({ type: 'remove', publicKey });
  for (const peer of desired.peers) {
    const now = known.get(peer.publicKey);
    const wanted = defersKeepalive(peer, now, context.publicKey) ? { ...peer, keepaliveSeconds: 0 } : peer;
    const change = diffPeer(wanted, now, context);
    if (change !== undefined) peers.push(change);
  }
  const own = {
    ...(desired.privateKey === observed.privateKey ? {} : { privateKey: desired.privateKey }),
    ...(desired.listenPort === observed.listenPort ? {} : { listenPort: desired.listenPort }),
  };
  return peers.length === 0 && Object.keys(own).length === 0 ? undefined : { ...own, peers };
}

function diffPeer(peer: WireguardPeer, now: ObservedPeer | undefined, context: DiffContext): PeerChange | undefined {
  const { publicKey, presharedKey, endpoint, keepaliveSeconds, allowedIps } = peer;
  const changed = {
    ...(presharedKey === now?.presharedKey ? {} : { presharedKey: presharedKey ?? ('none' as const) }),
    ...(endpoint === undefined || !endpointDiffers(endpoint, publicKey, now, context) ? {} : { endpoint }),
    ...(keepaliveSeconds === (now?.keepaliveSeconds ?? 0) ? {} : { keepaliveSeconds }),
    ...(now !== undefined && sameSet(allowedIps, now.allowedIps) ? {} : { allowedIps }),
  };
  return Object.keys(changed).length === 0 ? undefined : { type: 'set', publicKey, ...changed };
}

/**
 * A live peer may have roamed: WireGuard follows the address that authenticated packets come from (a NAT's, say), and that
 * is left alone until the session is dead or the lease names another endpoint than the one wanted before.
 */
function endpointDiffers(
  endpoint: string,
  publicKey: WireguardKey,
  now: ObservedPeer | undefined,
  { nowMs, wanted }: DiffContext,
): boolean {
  if (now?.endpoint === endpoint) return false;
  if (now?.endpoint === undefined || now.lastHandshakeMs === undefined) return true;
  const before = wanted.get(publicKey);
  if (before !== undefined && before !== endpoint) return true;
  return nowMs - now.lastHandshakeMs > SESSION_MS;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && new Set([...a, ...b]).size === a.length;
}
