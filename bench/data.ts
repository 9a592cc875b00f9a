/**
 * Pod to Pod over VXLAN between two hosts: the ordinary path against the same wired by hand, the fast path against the
 * ordinary one, and all beside host to host without any tunnel. Each figure stands between two runs of its yardstick.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { enterNamespace } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import type { Bench, Figure, Row, Unit } from './harness/figure.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { agentPair, type Ends, handmadePair, type PodPair, whenLogged } from './harness/pod-hosts.ts';
import { SANDBOX_DIRECTORY } from './harness/sandbox.ts';
import { median } from './harness/statistics.ts';

const SECONDS = 2;
const QUICK_SECONDS = 1;
const PORT = '7000';
/** USER_HZ, which is 100 on every Linux. */
const TICKS_PER_SECOND = 100;

interface Load {
  readonly name: string;
  readonly unit: Unit;
  readonly ordinary?: { readonly least: number };
  readonly fast?: { readonly least: number } | { readonly most: number };
  readonly measure: (ends: Ends, seconds: number) => Promise<number>;
}

interface IperfEnd {
  readonly sum_received?: { readonly bits_per_second: number; readonly bytes: number };
  readonly sum?: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
}

export const data: Figure = {
  name: 'data',
  title: 'Pod to Pod over VXLAN, two hosts',
  async measure(bench) {
    const pingPong = await compilePingPong();
    const pairs: PodPair[] = [];
    const keep = async (making: Promise<PodPair>): Promise<PodPair> => {
      const pair = await making;
      pairs.push(pair);
      return pair;
    };
    try {
      const handmade = await keep(handmadePair());
      const ordinary = await keep(agentPair(bench, []));
      const fast = await keep(agentPair(bench, ['-fast-path=bpf', '-v=1']));
      await whenLogged(fast, 'attach from_pod');
      const rows: Row[] = [];
      for (const load of loadsWith(pingPong)) {
        rows.push(await hostRow(bench, load, ordinary.hosts));
        const least = load.ordinary;
        rows.push(await pairedRow(bench, load, 'ordinary path', ordinary.pods, ['by hand', handmade.pods], least));
        rows.push(await pairedRow(bench, load, 'fast path', fast.pods, ['ordinary path', ordinary.pods], load.fast));
      }
      return { rows, notes: ["all on the same cores; processor time is the whole machine's, from /proc/stat"] };
    } finally {
      for (const pair of pairs) await pair.remove();
    }
  },
};

function loadsWith(pingPong: string): readonly Load[] {
  return [
    {
      name: 'TCP, one connection',
      unit: 'Mbit/s',
      ordinary: { least: 0.98 },
      fast: { least: 1.15 },
      measure: async (ends, seconds) =>
        ((await iperf(ends, seconds, [])).sum_received?.bits_per_second ?? Number.NaN) / 1e6,
    },
    {
      name: 'processor time for it',
      unit: 's/GB',
      fast: { most: 1 },
      measure: async (ends, seconds) => {
        const before = busySeconds();
        const bytes = (await iperf(ends, seconds, [])).sum_received?.bytes ?? Number.NaN;
        return (busySeconds() - before) / (bytes / 1e9);
      },
    },
    {
      name: '64-byte packets received',
      unit: 'packets/s',
      // 64 bytes with the inner IPv4 and UDP headers.
      measure: async (ends, seconds) => {
        const { sum } = await iperf(ends, seconds, ['--udp', '--bandwidth', '0', '--length', '36']);
        return sum === undefined ? Number.NaN : (sum.packets - sum.lost_packets) / sum.seconds;
      },
    },
    { name: 'request and response', unit: '/s', measure: (ends, seconds) => answersPerSecond(pingPong, ends, seconds) },
  ];
}

async function hostRow(bench: Bench, { name, unit, measure }: Load, ends: Ends): Promise<Row> {
  const samples: number[] = [];
  for (let run = 0; run < bench.runs; run += 1) samples.push(await measure(ends, secondsOf(bench)));
  return { name: `${name}: host to host`, unit, value: median(samples), samples };
}

async function pairedRow(
  bench: Bench,
  { name, unit, measure }: Load,
  path: string,
  ends: Ends,
  [yardstickName, yardstickEnds]: readonly [string, Ends],
  limit: { readonly least: number } | { readonly most: number } | undefined,
): Promise<Row> {
  const pairs = await measurePaired(
    bench.runs,
    () => measure(yardstickEnds, secondsOf(bench)),
    (run) => {
      bench.progress(`data, ${name}, ${path}, run ${run + 1} of ${bench.runs}`);
      return measure(ends, secondsOf(bench));
    },
  );
  const { yardstick, ...figures } = pairedFigures(yardstickName, pairs);
  const row = { ...figures, name: `${name}: ${path}`, unit, yardstick: { ...yardstick, unit } };
  return limit === undefined ? row : { ...row, target: { of: 'ratio', ...limit } };
}

function secondsOf({ quick }: Bench): number {
  return quick ? QUICK_SECONDS : SECONDS;
}

async function iperf([from, to]: Ends, seconds: number, flags: readonly string[]): Promise<IperfEnd> {
  const serving = enterNamespace(to.namespace, ['iperf3', '--server', '--one-off', '--json']);
  const served = mustRun({ argv: serving, why: 'run an iperf3 server' });
  await pause(300);
  const words = ['--client', to.address, '--time', String(seconds), '--json', ...flags];
  const { stdout } = await mustRun({
    argv: enterNamespace(from.namespace, ['iperf3', ...words]),
    why: 'measure with iperf3',
  });
  await served;
  const report: { readonly end: IperfEnd } = JSON.parse(stdout);
  return report.end;
}

async function answersPerSecond(program: string, [from, to]: Ends, seconds: number): Promise<number> {
  const served = mustRun({ argv: enterNamespace(to.namespace, [program, PORT]), why: 'answer requests' });
  await pause(200);
  const argv = enterNamespace(from.namespace, [program, PORT, to.address, String(seconds)]);
  const { stdout } = await mustRun({ argv, why: 'send requests' });
  await served;
  return Number(stdout);
}

/** Seconds that all processors together were not idle since the machine's start. */
function busySeconds(): number {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  // user nice system idle iowait irq softirq steal
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = first.split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

async function compilePingPong(): Promise<string> {
  const program = join(SANDBOX_DIRECTORY, 'ping-pong');
  const source = join(import.meta.dirname, 'ping-pong.c');
  await mustRun({ argv: ['gcc', '-O2', '-o', program, source], why: 'compile the ping-pong program' });
  return program;
}
