/** What the traffic program of a Pod says, line by line (see traffic.c). Pure. */

/** Something that did not arrive, or not in time, on the way from one Pod to another. */
export interface Gap {
  /** `pod1 → pod2`. */
  readonly flow: string;
  /** Datagrams lost; 0 for one that was only late. */
  readonly lost: number;
  /** Milliseconds of CLOCK_MONOTONIC: when the last one before it was sent, and when the next one arrived. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** A flow at the moment of the question. */
export interface FlowState {
  readonly flow: string;
  /** Milliseconds since a datagram arrived. */
  readonly ageMs: number;
  /** Datagrams that arrived so far. */
  readonly received: number;
  /** Longest delay of one in milliseconds since the question before. */
  readonly longestDelayMs: number;
}

export type TrafficLine =
  | ({ readonly type: 'gap' } & Gap)
  | ({ readonly type: 'flow' } & FlowState)
  | { readonly type: 'now'; readonly atMs: number };

/** Reads a line of the Pod with this number; throws for one that the program does not print. */
export function parseTrafficLine(line: string, to: number): TrafficLine {
  const [type, ...words] = line.split(' ');
  const numbers = words.map(Number);
  const [first = Number.NaN, second = Number.NaN, third = Number.NaN, fourth = Number.NaN] = numbers;
  const expected = type === 'now' ? 1 : 4;
  if (numbers.length !== expected || numbers.some((value) => !Number.isFinite(value))) throw unreadable(line);
  const flow = flowName(first, to);
  switch (type) {
    case 'gap':
      return { type, flow, lost: second, startedMs: third / 1000, endedMs: fourth / 1000 };
    case 'flow':
      return { type, flow, ageMs: second / 1000, received: third, longestDelayMs: fourth / 1000 };
    case 'now':
      return { type, atMs: first / 1000 };
    default:
      throw unreadable(line);
  }
}

export function flowName(from: number, to: number): string {
  return `pod${from} → pod${to}`;
}

/** Whether the flow begins or ends at this host's Pod. */
export function touches(flow: string, hostNumber: number): boolean {
  return flow.split(' → ').includes(`pod${hostNumber}`);
}

function unreadable(line: string): Error {
  return new Error(`the traffic program said ${JSON.stringify(line)}`);
}
