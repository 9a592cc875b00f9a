/** From a seed to a schedule. Chance decides everything here; a schedule once made has none left. */
import { seededRandom } from '#agent/leases/lease-builders.ts';
import { BAD_RECORDS, CALM_MS, DRIFTS, type EventKind, type Schedule, type SimEvent } from './schedule.ts';

export interface GenerateRequest {
  readonly seed: number;
  readonly hosts?: number;
  readonly hours?: number;
  /** Beside the calms. */
  readonly events?: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Between two calms, at most. */
const LONGEST_STORM_MS = 6 * HOUR;
/** In larger fleets hosts join by the rack. */
const SINGLE_JOINS = 100;
const RACK = 50;
const RACK_SPREAD_MS = 200;
const LONGER_THAN_A_LEASE_MS = 25 * HOUR;

const WEIGHTS: Readonly<Record<Exclude<EventKind, 'calm' | 'join'>, number>> = {
  restart: 6,
  crash: 8,
  reboot: 6,
  leave: 1,
  clone: 3,
  renumber: 3,
  'wall clock': 2,
  partition: 8,
  outage: 5,
  compaction: 6,
  backup: 3,
  restore: 2,
  emptied: 1,
  'lease deleted': 5,
  'lease rewritten': 3,
  reservation: 3,
  'bad record': 5,
  drift: 10,
};
const KINDS = Object.entries(WEIGHTS).flatMap(([kind, weight]) => Array<string>(weight).fill(kind));

export function generate(request: GenerateRequest): Schedule {
  const chance = new Chance(request.seed);
  // Every twentieth small fleet lives longer than a lease.
  const isLong = request.seed % 20 === 0;
  const hosts = request.hosts ?? chance.whole(4, isLong ? 6 : 12);
  const hours = request.hours ?? (isLong ? chance.whole(30, 60) : chance.whole(2, 6));
  const wanted = request.events ?? 60;
  const slack = chance.of([-1, 0, 1, 3, hosts, 10 * hosts]);
  const endMs = hours * HOUR;
  const storms = Math.max(1, Math.ceil(endMs / LONGEST_STORM_MS));
  const events: SimEvent[] = [];
  for (let storm = 0; storm < storms; storm += 1) {
    const from = Math.round((endMs * storm) / storms) + MINUTE;
    const until = Math.round((endMs * (storm + 1)) / storms) - CALM_MS - MINUTE;
    const count = Math.round((wanted * (storm + 1)) / storms) - Math.round((wanted * storm) / storms);
    for (let made = 0; made < count; made += 1) events.push(oneEvent(chance, hosts, from, until));
    events.push({ at: until + MINUTE, kind: 'calm' });
  }
  const outlivesLeases = endMs > LONGER_THAN_A_LEASE_MS + LONGEST_STORM_MS && request.hosts === undefined;
  if (outlivesLeases) events.push({ at: 2 * MINUTE, kind: 'outage', forMs: LONGER_THAN_A_LEASE_MS });
  const latestJoin = Math.round(endMs / storms) - CALM_MS - 2 * MINUTE;
  let joinsAt = 0;
  for (let late = 0, host = Math.ceil(hosts * 0.7); host < hosts; late += 1, host += 1) {
    // A large fleet grows by racks that are switched on; each host that comes is heard of by all others.
    const isNewRack = hosts <= SINGLE_JOINS || late % RACK === 0;
    joinsAt = isNewRack ? chance.whole(MINUTE, latestJoin) : joinsAt + chance.whole(0, RACK_SPREAD_MS / RACK);
    events.push({ at: joinsAt, kind: 'join', host });
  }
  const isKept = ({ at, kind }: SimEvent): boolean => kind !== 'calm' || at > LONGER_THAN_A_LEASE_MS + HOUR;
  const kept = outlivesLeases ? events.filter(isKept) : events;
  return {
    seed: request.seed,
    hosts,
    subnets: Math.max(2, hosts + slack),
    endMs,
    events: kept.sort((a, b) => a.at - b.at),
  };
}

function oneEvent(chance: Chance, hosts: number, from: number, until: number): SimEvent {
  const at = chance.whole(from, until);
  const host = chance.whole(0, hosts - 1);
  // What lasts is over when the calm begins.
  const forMs = Math.min(chance.of([100, 1000, 5000, 30_000, MINUTE, 10 * MINUTE, HOUR]), until - at);
  const kind = chance.of(KINDS);
  switch (kind) {
    case 'partition':
      return { at, kind, forMs, hosts: someHosts(chance, host, hosts) };
    case 'wall clock':
      return { at, kind, host, byMs: chance.of([-HOUR, -1000, 1000, HOUR, 365 * 24 * HOUR]) };
    case 'bad record':
      return { at, kind, what: chance.of(BAD_RECORDS), number: chance.whole(0, 255) };
    case 'drift':
      return { at, kind, what: chance.of(DRIFTS), host };
    case 'crash':
    case 'reboot':
    case 'clone':
      return { at, kind, host, forMs };
    case 'outage':
      return { at, kind, forMs };
    case 'compaction':
    case 'backup':
    case 'restore':
    case 'emptied':
      return { at, kind };
    case 'restart':
    case 'leave':
    case 'renumber':
    case 'lease deleted':
    case 'lease rewritten':
    case 'reservation':
      return { at, kind, host };
    default:
      throw new Error(`no such event: ${kind}`);
  }
}

function someHosts(chance: Chance, first: number, hosts: number): readonly number[] {
  const count = chance.of([1, 1, 2, Math.ceil(hosts / 2)]);
  return [...new Set(Array.from({ length: count }, (_, index) => (first + index) % hosts))];
}

class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** From `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }
}
