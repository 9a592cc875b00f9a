/** Which Pod reaches which, and how fast: one fping per Pod, all Pods at once within a bound. */
import { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { CONCURRENCY, hostOf } from './machines.ts';

export interface PingEnd {
  /** `pod1`. */
  readonly name: string;
  readonly namespace: string;
  /** Of either family; undefined for a Pod that has none yet, which nobody reaches. */
  readonly address: string | undefined;
}

/** Round trip in microseconds. */
export type PingCell = number | 'self' | 'lost';

export interface PodMatrix {
  readonly pods: readonly string[];
  /** `cells[from][to]`. */
  readonly cells: readonly (readonly PingCell[])[];
}

const COUNT = 3;
const PERIOD_MS = 20;
const TIMEOUT_MS = 500;

export async function pingMatrix(ends: readonly PingEnd[]): Promise<PodMatrix> {
  const cells = await mapConcurrent(ends, CONCURRENCY, (from) => pingRow(from, ends));
  return { pods: ends.map((end) => end.name), cells };
}

/**
 * One end of each pair only, for tunnels that open with a handshake: when both ends begin at once, WireGuard's handshakes cross,
 * fail, and are tried again 5 s later, with both ends in step once more.
 */
export async function pingOneWay(ends: readonly PingEnd[]): Promise<void> {
  await mapConcurrent(ends, CONCURRENCY, (from) => pingRow(from, ends.slice(ends.indexOf(from))));
}

/** Pairs without an answer, as `pod1 → pod2`. */
export function lostPairs(matrix: PodMatrix): readonly string[] {
  return matrix.cells.flatMap((row, from) =>
    row.flatMap((cell, to) => (cell === 'lost' ? [`${matrix.pods[from]} → ${matrix.pods[to]}`] : [])),
  );
}

/** Median of all answered pairs in microseconds; undefined when there is none. */
export function medianRtt(matrix: PodMatrix): number | undefined {
  return median(matrix.cells.flat().filter((cell) => typeof cell === 'number'));
}

async function pingRow(from: PingEnd, ends: readonly PingEnd[]): Promise<readonly PingCell[]> {
  const targets = ends.filter((end) => end !== from).flatMap((end) => end.address ?? []);
  const times = from.address === undefined ? new Map<string, number>() : await fping(from, targets);
  return ends.map((end) => (end === from ? 'self' : (times.get(end.address ?? '') ?? 'lost')));
}

async function fping(from: PingEnd, targets: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (targets.length === 0) return new Map();
  const argv = ['fping', '-q', '-C', `${COUNT}`, '-p', `${PERIOD_MS}`, '-i', '1', '-t', `${TIMEOUT_MS}`, ...targets];
  const output = await hostOf(from.namespace).run({ argv, why: `ping from ${from.name}` });
  // 1: some did not answer, which is what the matrix is for.
  if (output.code === 0 || output.code === 1) return parseFping(output.stderr);
  throw new Fault('command.failed', {
    what: `could not ping from ${from.name}`,
    where: `fping in ${from.namespace}`,
    why: output.stderr.trim().slice(0, 400),
  });
}

/**
 * Median round trip per address in microseconds, from the lines of `fping -C` (`172.30.1.2 : 0.21 - 0.07`, milliseconds);
 * an address that never answered is left out. Other lines (ICMP errors of routers) are passed over.
 */
export function parseFping(text: string): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\S+)\s+:((?: (?:[\d.]+|-))+)$/.exec(line.trim());
    const answers = (match?.[2] ?? '')
      .trim()
      .split(' ')
      .filter((word) => word !== '-' && word !== '');
    const middle = median(answers.map((word) => Math.round(Number(word) * 1000)));
    if (match?.[1] !== undefined && middle !== undefined) times.set(match[1], middle);
  }
  return times;
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
