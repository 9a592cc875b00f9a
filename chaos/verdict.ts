/** What a fault did to the traffic, and whether that is what weft promises. Pure. */
import type { FaultKind } from './faults/fault.ts';
import { type FlowState, type Gap, touches } from './traffic/lines.ts';

/** The shortest silence that counts, however calm the machine is. */
const LEAST_SILENCE_MS = 100;
/** How many times the longest of the calm phase a gap has to exceed. */
export const CALM_FACTOR = 3;
/**
 * Within that everything is whole again, in milliseconds. With a cable the kernel has its part in it: it asks for the
 * address of a neighbour that did not answer once a second.
 */
export const MOST_HEALING_MS: Readonly<Record<Exclude<FaultKind, 'control'>, number>> = { data: 1000, cable: 2000 };

/** What counts as a disturbance on this machine at this time. */
export interface Threshold {
  /** Longest delay, or time without an arrival, of any flow in the calm phase. */
  readonly calmMs: number;
  /** Most datagrams that a gap of the calm phase lost. */
  readonly calmLost: number;
  /** A gap counts when it is longer than that or lost more than `lost`. */
  readonly silenceMs: number;
  readonly lost: number;
}

/** The threshold from what was seen while nothing was broken. */
export function calibrate(gaps: readonly Gap[], flows: readonly FlowState[]): Threshold {
  const calmMs = Math.max(...gaps.map(lengthOf), ...flows.map(({ longestDelayMs }) => longestDelayMs));
  const calmLost = Math.max(0, ...gaps.map(({ lost }) => lost));
  const silenceMs = Math.max(LEAST_SILENCE_MS, CALM_FACTOR * calmMs);
  return { calmMs, calmLost, silenceMs, lost: CALM_FACTOR * calmLost };
}

export interface Observation {
  readonly kind: FaultKind;
  /** Number of the host whose flows may be disturbed. */
  readonly host?: number;
  readonly healableFromMs: number;
  /** Gaps that ended since the fault began. */
  readonly gaps: readonly Gap[];
  /** Flows that were still silent when the patience ended. */
  readonly silent: readonly FlowState[];
  /** What was still other than before in the kernels and in etcd by then. */
  readonly left: readonly string[];
  /** CLOCK_MONOTONIC in milliseconds from which on kernels and records were looked at: when the fault was done. */
  readonly lookedFromMs: number;
  /** And at which they were seen to be as before; they are looked at every 100 ms. */
  readonly asBeforeMs?: number;
  /** What made the fault impossible, or its end: an agent that does not start. */
  readonly failure?: string;
}

export interface Disturbance {
  readonly flow: string;
  /** In all its gaps together; of one that is still silent nobody knows. */
  readonly lost: number;
  /** The longest. */
  readonly gapMs: number;
}

export interface Verdict {
  readonly disturbed: readonly Disturbance[];
  readonly lost: number;
  readonly longestGapMs: number;
  /** From the moment it could be healed until the last disturbed flow was whole; 0: none was disturbed; null: never. */
  readonly healedMs: number | null;
  /** From when the fault was done until kernels and records were as before, in steps of 100 ms; null: never. */
  readonly restoredMs: number | null;
  /** Those of them that should not have been: any after a fault of control, of other hosts after the others. */
  readonly strangers: readonly Disturbance[];
  readonly failure?: string;
  /** Promises that were not kept, in words. */
  readonly violations: readonly string[];
}

export function judge(observation: Observation, threshold: Threshold): Verdict {
  const { kind, host, gaps, silent, left, asBeforeMs, failure } = observation;
  const { healableFromMs, lookedFromMs } = observation;
  const counted = gaps.filter((gap) => lengthOf(gap) > threshold.silenceMs || gap.lost > threshold.lost);
  const flows = new Set([...counted, ...silent].map(({ flow }) => flow));
  const disturbed = [...flows].sort().map((flow): Disturbance => {
    const own = counted.filter((gap) => gap.flow === flow);
    const ages = silent.filter((state) => state.flow === flow).map(({ ageMs }) => ageMs);
    return {
      flow,
      lost: own.reduce((sum, gap) => sum + gap.lost, 0),
      gapMs: Math.max(...own.map(lengthOf), ...ages),
    };
  });
  const lastEndMs = Math.max(healableFromMs, ...counted.map(({ endedMs }) => endedMs));
  const healedMs = silent.length + left.length > 0 ? null : lastEndMs - healableFromMs;
  const violations: string[] = failure === undefined ? [] : [failure];
  const strangers = disturbed.filter(({ flow }) => host === undefined || !touches(flow, host));
  if (strangers.length > 0) {
    const whose = kind === 'control' ? '' : ' of other hosts';
    violations.push(`disturbed ${strangers.length} flows${whose}: ${strangers.map(describe).join(', ')}`);
  }
  if (silent.length > 0) violations.push(`silent to the end: ${silent.map(({ flow }) => flow).join(', ')}`);
  if (left.length > 0) violations.push(`not as before: ${left.join('; ')}`);
  const restoredMs = asBeforeMs === undefined ? null : asBeforeMs - Math.max(healableFromMs, lookedFromMs);
  if (kind !== 'control') {
    const most = MOST_HEALING_MS[kind];
    if (healedMs !== null && healedMs > most) violations.push(`whole again after ${Math.round(healedMs)} ms only`);
    if (restoredMs !== null && restoredMs > most) violations.push(`as before after ${Math.round(restoredMs)} ms only`);
  }
  return {
    disturbed,
    lost: disturbed.reduce((sum, each) => sum + each.lost, 0),
    longestGapMs: Math.max(0, ...disturbed.map(({ gapMs }) => gapMs)),
    healedMs,
    restoredMs,
    strangers,
    ...(failure !== undefined && { failure }),
    violations,
  };
}

function describe({ flow, lost, gapMs }: Disturbance): string {
  return `${flow} (${lost} lost, ${Math.round(gapMs)} ms)`;
}

function lengthOf(gap: Gap): number {
  return gap.endedMs - gap.startedMs;
}
