/** What a chaos run found: the table for people and the JSON for programs. Pure. */
import { type Column, renderTable } from '#cli/table.ts';
import { percentile } from '../bench/harness/statistics.ts';
import type { FaultKind } from './faults/fault.ts';
import type { ChaosEvent, ChaosResult } from './run.ts';
import { CALM_FACTOR, MOST_HEALING_MS, type Threshold } from './verdict.ts';

export interface FaultSummary {
  readonly fault: string;
  readonly kind: FaultKind;
  readonly count: number;
  /** Flows disturbed by one such fault, the most of all. */
  readonly disturbedFlows: number;
  /** Datagrams lost, all together. */
  readonly lost: number;
  readonly longestGapMs: Spread;
  /** Of those that were healed. */
  readonly healedMs: Spread;
  /** How often it was not healed. */
  readonly unhealed: number;
  readonly violations: number;
}

export interface Spread {
  readonly p50: number;
  readonly max: number;
}

/** One line per kind of fault, in the order in which they came first. */
export function summarise(events: readonly ChaosEvent[]): readonly FaultSummary[] {
  return [...Map.groupBy(events, ({ fault }) => fault)].flatMap(([fault, own]) => {
    const [first] = own;
    if (first === undefined) return [];
    return [
      {
        fault,
        kind: first.kind,
        count: own.length,
        disturbedFlows: Math.max(...own.map(({ disturbed }) => disturbed.length)),
        lost: own.reduce((sum, { lost }) => sum + lost, 0),
        longestGapMs: spreadOf(own.map(({ longestGapMs }) => longestGapMs)),
        healedMs: spreadOf(own.flatMap(({ healedMs }) => healedMs ?? [])),
        unhealed: own.filter(({ healedMs }) => healedMs === null).length,
        violations: own.filter(({ violations }) => violations.length > 0).length,
      },
    ];
  });
}

export function chaosTable(result: ChaosResult, flows: number, colours: boolean): string {
  const columns: readonly Column<FaultSummary>[] = [
    { title: 'fault', value: ({ fault }) => fault },
    { title: 'touches', value: ({ kind }) => kind },
    { title: 'times', value: ({ count }) => `${count}`, align: 'right' },
    { title: 'flows disturbed', value: ({ disturbedFlows }) => `${disturbedFlows} of ${flows}`, align: 'right' },
    { title: 'lost', value: ({ lost }) => `${lost}`, align: 'right' },
    { title: 'longest gap p50', value: ({ longestGapMs }) => milliseconds(longestGapMs.p50), align: 'right' },
    { title: 'max', value: ({ longestGapMs }) => milliseconds(longestGapMs.max), align: 'right' },
    { title: 'healed in p50', value: ({ healedMs }) => milliseconds(healedMs.p50), align: 'right' },
    { title: 'max', value: healedMax, align: 'right' },
    {
      title: 'promise',
      value: ({ violations }) => (violations === 0 ? 'kept ✓' : `broken ${violations} × ✗`),
      colour: ({ violations }) => (violations === 0 ? 'green' : 'red'),
    },
  ];
  return renderTable(summarise(result.events), columns, { wide: false, colours });
}

export function thresholdText({ calmMs, calmLost, silenceMs, lost }: Threshold): string {
  return (
    `calm: longest delay or gap ${milliseconds(calmMs)}, ${calmLost} lost; a disturbance is more than ` +
    `${milliseconds(silenceMs)} (${CALM_FACTOR} × calm, at least 100 ms) or more than ${lost} lost in a row (${CALM_FACTOR} × calm)`
  );
}

/** Promises that were not kept, a line each; empty when all were. */
export function violationLines(events: readonly ChaosEvent[]): readonly string[] {
  return events.flatMap(({ number, fault, detail, beganAt, violations }) =>
    violations.map((violation) => `${number}. ${fault} (${detail}, ${beganAt}): ${violation}`),
  );
}

export function eventLine({
  number,
  fault,
  detail,
  disturbed,
  lost,
  longestGapMs,
  healedMs,
  ...rest
}: ChaosEvent): string {
  const mark = rest.violations.length === 0 ? '✓' : '✗';
  const effect =
    disturbed.length === 0
      ? 'no flow disturbed'
      : `${disturbed.length} flows disturbed, ${lost} lost, longest gap ${milliseconds(longestGapMs)}, ` +
        (healedMs === null ? 'not healed' : `healed in ${milliseconds(healedMs)}`);
  return `${mark} ${number}. ${fault}, ${detail}, ${(rest.lastedMs / 1000).toFixed(1)} s: ${effect}`;
}

export function chaosJson(header: object, result: ChaosResult): string {
  const { threshold, events } = result;
  const promises = { controlDisturbances: 0, mostHealingMs: MOST_HEALING_MS };
  return `${JSON.stringify({ ...header, threshold, promises, faults: summarise(events), events }, undefined, 2)}\n`;
}

function healedMax({ healedMs, unhealed }: FaultSummary): string {
  return unhealed === 0 ? milliseconds(healedMs.max) : `never, ${unhealed} ×`;
}

function spreadOf(samples: readonly number[]): Spread {
  return { p50: percentile(samples, 0.5), max: Math.max(0, ...samples) };
}

function milliseconds(value: number): string {
  return Number.isNaN(value) || value === 0 ? '-' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
