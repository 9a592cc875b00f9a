/** Datagrams lost on all flows of a lab per kind of fault, by the machinery of `npm run chaos`. */
import { CATALOGUE } from '../chaos/faults/catalogue.ts';
import { withChaosLab } from '../chaos/lab.ts';
import { thresholdText, violationLines } from '../chaos/report.ts';
import { type ChaosEvent, runChaos } from '../chaos/run.ts';
import { schedule } from '../chaos/schedule.ts';
import { INTERVAL_MS } from '../chaos/traffic/traffic.ts';
import type { Figure, Row } from './harness/figure.ts';
import { median } from './harness/statistics.ts';

const HOSTS = 3;
const SEED = 1;
const NEVER = new AbortController().signal;

/** What real flannel does, measured once by a ping every 10 ms between two of three hosts. */
const NEVER_REPAIRED = { v0_28: 'never repaired', v0_11: 'never repaired' };
const UNTOUCHED = { v0_28: '0', v0_11: '0' };
const FLANNEL: Readonly<Record<string, Row['flannel']>> = {
  'agent-kill': UNTOUCHED,
  'etcd-kill-leader': UNTOUCHED,
  'etcd-kill-all': UNTOUCHED,
  'lease-revoke': { v0_28: 'agent exits', v0_11: 'agent exits' },
  'record-delete': { v0_28: 'agent exits', v0_11: 'agent exits' },
  'start-without-etcd': { v0_28: 'no start', v0_11: 'no start' },
  'device-delete': { v0_28: 'back, no peers', v0_11: 'never repaired' },
  'device-down': NEVER_REPAIRED,
  'address-flush': NEVER_REPAIRED,
  'route-flush': NEVER_REPAIRED,
  'neighbour-flush': NEVER_REPAIRED,
  'fdb-flush': NEVER_REPAIRED,
  'firewall-flush': { v0_28: 'for 1–5 s', v0_11: 'for 1–5 s' },
  'iptables-flush': { v0_28: 'for 1–5 s', v0_11: 'for 1–5 s' },
};

export const outage: Figure = {
  name: 'outage',
  title: `Datagrams lost per fault, ${HOSTS * (HOSTS - 1)} flows of one every ${INTERVAL_MS} ms, ${HOSTS} hosts`,
  async measure(bench) {
    const faults = CATALOGUE;
    const steps = schedule(faults, SEED).take(faults.length * bench.runs);
    const result = await withChaosLab({ hosts: HOSTS, signal: NEVER, progress: bench.progress }, (lab) =>
      runChaos(steps, {
        lab,
        signal: NEVER,
        // A fault of control loses nothing however long it lasts; `npm run chaos` is where they last.
        brief: true,
        onEvent: ({ number, fault }) => bench.progress(`outage, ${number} of ${faults.length * bench.runs}: ${fault}`),
      }),
    );
    const rows = faults.map(({ name }) =>
      rowOf(
        name,
        result.events.filter(({ fault }) => fault === name),
      ),
    );
    return { rows, notes: [thresholdText(result.threshold), ...violationLines(result.events)] };
  },
};

function rowOf(name: string, events: readonly ChaosEvent[]): Row {
  const lost = events.map((event) => event.lost);
  const [first] = events;
  const flannel = FLANNEL[name];
  const healed = events.flatMap(({ healedMs }) => healedMs ?? []);
  return {
    name: first?.kind === 'control' ? name : `${name} (healed in ${Math.round(median(healed))} ms)`,
    value: median(lost),
    unit: '',
    samples: lost,
    ...(first?.kind === 'control' && { target: { of: 'value', most: 0 } }),
    ...(flannel !== undefined && { flannel }),
  };
}
