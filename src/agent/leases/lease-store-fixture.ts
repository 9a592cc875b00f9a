/** What the behaviours of a LeaseStore are tried on, and with. */
import { formatSubnetKey } from '#model/subnet-key.ts';
import type { HostMark } from './host-record.ts';
import { attributesOf, subnetOf } from './lease-builders.ts';
import type { LeaseChange, LeaseEvent, LeaseStore } from './store.ts';

/** A key space of its own for one test, and the means to do with it what other hosts, operators and faults do. */
export interface StoreFixture {
  readonly prefix: string;
  /** The store lists a directory, and not all keys that begin with its name. */
  readonly listsDirectory?: boolean;
  /** A client of its own each time, of the machine with that mark. */
  open(mark?: HostMark): LeaseStore;
  /** A store that cannot reach its etcd. */
  openUnreachable(): LeaseStore;
  /** Cuts the connections of the stores opened by `open`, then lets them come back. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  putRaw(key: string, value: string): Promise<void>;
  deleteRaw(key: string): Promise<void>;
  getRaw(key: string): Promise<string | undefined>;
  /** Throws the history away up to now. */
  compact(): Promise<void>;
  passTime(ms: number): Promise<void>;
  /** Lets things under way arrive until the condition holds; fails after some seconds. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Registers one test, on a fixture of its own. */
export type Behave = (sentence: string, work: (fixture: StoreFixture) => Promise<void>) => void;

export const OWN = attributesOf('10.77.0.11');
export const OTHER = attributesOf('10.77.0.12', '7e:74:c7:9e:78:6a');
export const SUBNET = subnetOf('10.5.1.0-24');
export const DAY = 86_400;
/** The shortest that etcd grants by default. */
export const SHORT = 2;

/** What a watch tells, as it comes. */
export function follow(
  store: LeaseStore,
  revision: number,
): { readonly events: LeaseEvent[]; readonly changes: LeaseChange[]; readonly end: () => void } {
  const events: LeaseEvent[] = [];
  const changes: LeaseChange[] = [];
  const end = store.watch(revision, (event) => {
    events.push(event);
    if (event.type === 'changes') changes.push(...event.changes);
  });
  return { events, changes, end };
}

export function briefly(change: LeaseChange): string {
  if (change.type === 'rejected') return `rejected ${change.record.key}`;
  return `${change.type} ${formatSubnetKey(change.type === 'put' ? change.lease.subnet : change.subnet)}`;
}
