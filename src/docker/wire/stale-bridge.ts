/**
 * A bridge with another address than the lease's: left by a runtime that started before the agent, or by an older lease.
 * Whether it may be removed, which is what the guides' remove-docker0.sh does without asking. Pure.
 */
import type { Bridge } from '#hosts/bridge.ts';

export type BridgeVerdict =
  /** There is none, or it is as it should be. */
  | { readonly kind: 'right' }
  /** It is not, and nobody uses it: the runtime makes it anew. */
  | { readonly kind: 'stale'; readonly has: string }
  /** It is not, and these are plugged into it. */
  | { readonly kind: 'in-use'; readonly has: string; readonly ports: readonly string[] };

/** `address` is what it should have: `172.30.71.1/24`. */
export function judgeBridge(bridge: Bridge | undefined, address: string): BridgeVerdict {
  if (bridge === undefined || bridge.addresses.includes(address)) return { kind: 'right' };
  const has = bridge.addresses.length === 0 ? 'no address' : bridge.addresses.join(', ');
  return bridge.ports.length === 0 ? { kind: 'stale', has } : { kind: 'in-use', has, ports: bridge.ports };
}
