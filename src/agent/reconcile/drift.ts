/**
 * Drift: the kernel or the firewall differs from what stood after the last clean pass, and nothing that we want has changed
 * meanwhile. Here are the figures and the value that a pass hands over; drift-text.ts has the words.
 */

export const DRIFT_KINDS = [
  'device',
  'engine',
  'sysctl',
  'address',
  'neighbor',
  'fdb',
  'nexthop',
  'route',
  'rule',
] as const;

/** `engine`: what the backend's own part put right (tunnel, WireGuard); `rule`: of the firewall. */
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Since the agent was started. Plain numbers, for whoever reports them. */
export interface DriftCounters {
  /** Objects put right, by kind. */
  readonly repaired: { [kind in DriftKind]: number };
  /** Times that everything was looked at afresh. */
  sweeps: number;
  /** Objects that only a sweep found: no event announced them. */
  foundBySweep: number;
  /** Objects that another program changed back again and again. */
  fights: number;
}

/** What one pass found to have drifted, and put right. */
export interface Drift {
  /** Devices and interfaces that it concerns. */
  readonly devices: readonly string[];
  /** In words, one for each kind of object and manner. */
  readonly found: readonly string[];
  readonly done: readonly string[];
  readonly repaired: { readonly [kind in DriftKind]?: number };
  /** Names of what was put right for itself, not along with the device that it stands on (fights.ts). */
  readonly objects: readonly string[];
}

export function newDriftCounters(): DriftCounters {
  const repaired = { device: 0, engine: 0, sysctl: 0, address: 0, neighbor: 0, fdb: 0, nexthop: 0, route: 0, rule: 0 };
  return { repaired, sweeps: 0, foundBySweep: 0, fights: 0 };
}

/** Adds what was put right; returns how many objects that were. */
export function countRepairs(counters: DriftCounters, repaired: Drift['repaired']): number {
  let sum = 0;
  for (const kind of DRIFT_KINDS) {
    counters.repaired[kind] += repaired[kind] ?? 0;
    sum += repaired[kind] ?? 0;
  }
  return sum;
}
