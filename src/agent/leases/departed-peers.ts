/**
 * Peers whose keys are gone, and how long they stay programmed all the same: a living owner claims its key again within
 * milliseconds of hearing, and a store that has lost many keys at once says more about the store than about the hosts. Pure:
 * time is given, deadlines only advance, and every step costs in proportion to the peers it moves.
 */
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';

export interface WithdrawRules {
  /** Between the loss of a key and the end of its peer; 0: at once. */
  readonly graceMs: number;
  /** When more than this percentage of the peers known are gone within the grace, they are held instead. */
  readonly limitPercent: number;
  /** How long peers are held at most. */
  readonly holdMs: number;
}

/** Fewer than this are no mass: in a fleet of three, one host that is taken down is a third. */
const LEAST_MASS = 3;

/** A deadline found passed by more than this was slept over (SIGSTOP, a suspended machine): what came meanwhile is heard first. */
const SLEPT_MS = 1000;

interface Departure {
  readonly lease: Lease;
  readonly goneAt: number;
  readonly deadline: number;
}

export interface Expired {
  /** They stay departed no longer: nothing wants them programmed any more. */
  readonly withdrawn: readonly Lease[];
  /** Held from now on. */
  readonly held: readonly Lease[];
}

export class DepartedPeers {
  readonly #rules: WithdrawRules;
  /** By key, earliest deadline first: all waits are equally long. */
  readonly #waiting = new Map<string, Departure>();
  readonly #held = new Map<string, Departure>();

  constructor(rules: WithdrawRules) {
    this.#rules = rules;
  }

  /** All that are to stay programmed. */
  get leases(): readonly Lease[] {
    return [...this.#waiting.values(), ...this.#held.values()].map(({ lease }) => lease);
  }

  get size(): number {
    return this.#waiting.size + this.#held.size;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** When the first of those held was missed, by the clock of `now`; undefined without any. */
  get heldSince(): number | undefined {
    return first(this.#held)?.goneAt;
  }

  /** When `expire` has something to decide; Infinity: never. */
  get deadline(): number {
    const at = (departures: ReadonlyMap<string, Departure>): number =>
      first(departures)?.deadline ?? Number.POSITIVE_INFINITY;
    return Math.min(at(this.#waiting), at(this.#held));
  }

  /** The keys of these peers are gone. */
  left(leases: readonly Lease[], now: number): void {
    for (const lease of leases) {
      this.#waiting.set(keyOf(lease), { lease, goneAt: now, deadline: now + this.#rules.graceMs });
    }
  }

  /** The key is there again: what was last known of the peer, if it was waited for or held. */
  returned(lease: Lease): Lease | undefined {
    const key = keyOf(lease);
    const was = (this.#waiting.get(key) ?? this.#held.get(key))?.lease;
    this.drop(lease);
    return was;
  }

  /** It is not to be programmed any more. */
  drop(lease: Lease): void {
    const key = keyOf(lease);
    this.#waiting.delete(key);
    this.#held.delete(key);
  }

  /**
   * Decides on all whose deadline has come. `living`: how many peers have their keys. While some are held, whoever else leaves
   * counts together with them.
   */
  expire(now: number, living: number): Expired {
    const { graceMs } = this.#rules;
    if (graceMs > 0 && now - this.deadline > SLEPT_MS) {
      this.postpone(now);
      return { withdrawn: [], held: [] };
    }
    const isDue = (first(this.#waiting)?.deadline ?? Number.POSITIVE_INFINITY) <= now;
    const held = isDue && this.#isMass(living) ? this.#holdAll(now) : [];
    return { withdrawn: [...takeDue(this.#held, now), ...takeDue(this.#waiting, now)], held };
  }

  /** The store was away, where no owner could claim its key again: everybody has the grace once more. */
  postpone(now: number): void {
    for (const departures of [this.#waiting, this.#held]) {
      for (const [key, departure] of departures) {
        const deadline = Math.max(departure.deadline, now + this.#rules.graceMs);
        departures.set(key, { ...departure, deadline });
      }
    }
  }

  /** Lets go of all that are held. */
  release(): readonly Lease[] {
    const leases = [...this.#held.values()].map(({ lease }) => lease);
    this.#held.clear();
    return leases;
  }

  #holdAll(now: number): readonly Lease[] {
    const departures = [...this.#waiting];
    this.#waiting.clear();
    for (const [key, departure] of departures) {
      this.#held.set(key, { ...departure, deadline: now + this.#rules.holdMs });
    }
    return departures.map(([, { lease }]) => lease);
  }

  #isMass(living: number): boolean {
    const { limitPercent } = this.#rules;
    return this.size >= LEAST_MASS && this.size * 100 > limitPercent * (living + this.size);
  }
}

function first(departures: ReadonlyMap<string, Departure>): Departure | undefined {
  const [departure] = departures.values();
  return departure;
}

function takeDue(departures: Map<string, Departure>, now: number): Lease[] {
  const due: Lease[] = [];
  for (const [key, { lease, deadline }] of departures) {
    if (deadline > now) break;
    departures.delete(key);
    due.push(lease);
  }
  return due;
}

function keyOf(lease: Lease): string {
  return formatSubnetKey(lease.subnet);
}
