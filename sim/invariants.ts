/** The promises that the simulation holds the agents to, each with its name and what is said when it is broken. */

export const INVARIANTS = {
  'one owner': 'no two connected hosts hold overlapping subnets',
  'held or claimed': 'a connected host whose record is not in etcd claims it again, or says that it cannot',
  'keeps its subnet': 'a host that comes back has the subnet of before, unless somebody else has it',
  'no live peer withdrawn': 'no host removes the route to a living peer whose record stands in etcd',
  'forwarding stays': 'a ready host never takes down its own device or address',
  'lease kept alive': 'the record of a connected host does not vanish while nobody deletes it',
  converges: 'when all is mended, every host has its lease and the routes to all others',
  'at rest': 'a fleet at rest writes nothing but renewals',
  'deadlines advance': 'every deadline lies ahead, and no agent runs in a circle',
  bounded: 'queues, maps, timers and etcd leases stay small',
  'kernel accepts': 'the kernel refuses nothing that an agent writes',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly what: string;
}
