/** A schedule: what befalls a fleet and when, as a value that can be written to a file, cut down and replayed. */

/** What another program does to the fabric's state on a host. */
export const DRIFTS = ['device', 'down', 'mac', 'address', 'route', 'neighbor', 'fdb', 'all routes'] as const;
/** Records that an operator's hand, or a program gone wrong, leaves below the prefix. */
export const BAD_RECORDS = ['no json', 'not a lease', 'outside', 'wide', 'foreign name', 'huge'] as const;

interface OnHost {
  /** Index of the host. */
  readonly host: number;
}
interface Lasting {
  readonly forMs: number;
}

export type SimEvent = {
  /** Milliseconds since the beginning. */
  readonly at: number;
} & (
  | ({ readonly kind: 'join' } & OnHost)
  /** The agent ends as by SIGTERM and starts again. */
  | ({ readonly kind: 'restart' } & OnHost)
  /** The agent dies without a word; the kernel's state stays. */
  | ({ readonly kind: 'crash' } & OnHost & Lasting)
  /** Kernel state and subnet file are gone. */
  | ({ readonly kind: 'reboot' } & OnHost & Lasting)
  /** The agent is switched off; its lease stays until it expires. */
  | ({ readonly kind: 'leave' } & OnHost)
  /** Another machine with the host's address and MAC runs an agent for a while. */
  | ({ readonly kind: 'clone' } & OnHost & Lasting)
  /** The host gets another address. */
  | ({ readonly kind: 'renumber' } & OnHost)
  | ({ readonly kind: 'wall clock'; readonly byMs: number } & OnHost)
  | ({ readonly kind: 'partition'; readonly hosts: readonly number[] } & Lasting)
  /** No client reaches etcd; TTLs run on. */
  | ({ readonly kind: 'outage' } & Lasting)
  | { readonly kind: 'compaction' }
  | { readonly kind: 'backup' }
  /** Etcd goes back to the last backup. */
  | { readonly kind: 'restore' }
  /** Somebody deletes every key below the prefix but the network document. */
  | { readonly kind: 'emptied' }
  | ({ readonly kind: 'lease deleted' } & OnHost)
  /** The record names another host now. */
  | ({ readonly kind: 'lease rewritten' } & OnHost)
  | ({ readonly kind: 'reservation' } & OnHost)
  | { readonly kind: 'bad record'; readonly what: (typeof BAD_RECORDS)[number]; readonly number: number }
  | ({ readonly kind: 'drift'; readonly what: (typeof DRIFTS)[number] } & OnHost)
  /** Nothing more happens, all is mended, and the fleet must come to rest. */
  | { readonly kind: 'calm' }
);

export type EventKind = SimEvent['kind'];

export interface Schedule {
  readonly seed: number;
  /** Machines in all; those that no `join` names start at the beginning. */
  readonly hosts: number;
  /** Subnets that the network hands out. */
  readonly subnets: number;
  readonly endMs: number;
  /** In order of time. */
  readonly events: readonly SimEvent[];
}

/** How long after a calm began everything must stand. */
export const CONVERGE_MS = 180_000;
/** The same where machines were cloned: nobody takes an address over from a machine that was silent for less than five minutes. */
export const CONVERGE_AFTER_CLONES_MS = 480_000;
/** How long a fleet that stands is watched for being at rest. */
export const REST_MS = 600_000;
export const CALM_MS = CONVERGE_AFTER_CLONES_MS + REST_MS;

export function isCalm(event: SimEvent): boolean {
  return event.kind === 'calm';
}

/** `12:03:04.500 crash host 3 forMs 2000`: one line of a minimal schedule, with its number for `--only`. */
export function eventText(event: SimEvent, index: number): string {
  const { at, kind, ...rest } = event;
  const time = new Date(at).toISOString().slice(11, -1);
  const days = Math.floor(at / 86_400_000);
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name} ${Array.isArray(value) ? value.join(',') : value}`,
  );
  return `${String(index).padStart(4)}  ${days}d ${time}  ${[kind, ...fields].join(' ')}`;
}
