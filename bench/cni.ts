/**
 * ADD and DEL of containers by the plugin `weft` (shim, control socket, resident agent), each between two runs of Debian's Go
 * plugins bridge, host-local and portmap for the same containers.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { enterNamespace } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { withFleet } from './harness/fleet.ts';
import type { BenchHost } from './harness/hosts.ts';
import { LARGE_NETWORK } from './harness/peers.ts';
import { SANDBOX_DIRECTORY } from './harness/sandbox.ts';
import { median, percentile } from './harness/statistics.ts';

const CONTAINERS = 200;
const QUICK_CONTAINERS = 40;
const AT_ONCE = [1, 10] as const;
const SHARES = [0.5, 0.95] as const;
const COMMANDS = ['ADD', 'DEL'] as const;
const MOST_OF_CHAIN = 0.2;
const MOST_SHIM_MS = 1;
const GO_PLUGINS = '/usr/lib/cni';
/** Of the bench's own network for both, so that both give addresses of one /24. */
const SUBNET = '10.99.1.0/24';

type Command = (typeof COMMANDS)[number];
/** Milliseconds of each container. */
type Times = Readonly<Record<Command, readonly number[]>>;

interface Site {
  readonly host: BenchHost;
  readonly driver: string;
  readonly containers: number;
  readonly weft: readonly string[];
  readonly chain: readonly string[];
}

export const cni: Figure = {
  name: 'cni',
  title: 'Containers attached and detached by CNI',
  measure: (bench) =>
    withFleet(bench, 1, LARGE_NETWORK, async ({ agents: [agent] }) => {
      if (agent === undefined) throw new Error('one agent was asked for');
      // The control socket is opened a moment after READY.
      while (!existsSync(join(agent.host.directory, 'agent.sock'))) await pause(20);
      const site = await furnish(agent.host, bench.quick ? QUICK_CONTAINERS : CONTAINERS);
      const rows: Row[] = [await shimAlone(site, bench.runs)];
      for (const atOnce of AT_ONCE) rows.push(...(await measureAtOnce(bench, site, atOnce)));
      const notes = [
        `${site.containers} containers, no port mappings; the chain is bridge with host-local, then portmap`,
        'both are started by a small C program; after each run all is removed',
      ];
      return { rows, notes };
    }),
};

async function measureAtOnce(bench: Bench, site: Site, atOnce: number): Promise<readonly Row[]> {
  // Code that runs for the first time is compiled, and the bridge is made.
  await addAndDelete(site, site.weft, atOnce);
  await addAndDelete(site, site.chain, atOnce);
  const pairs: { readonly weft: Times; readonly chain: Times }[] = [];
  for (let run = 0; run < bench.runs; run += 1) {
    bench.progress(`cni, ${atOnce} at once, run ${run + 1} of ${bench.runs}`);
    const before = await addAndDelete(site, site.chain, atOnce);
    const weft = await addAndDelete(site, site.weft, atOnce);
    const after = await addAndDelete(site, site.chain, atOnce);
    pairs.push({ weft, chain: { ADD: [...before.ADD, ...after.ADD], DEL: [...before.DEL, ...after.DEL] } });
  }
  return COMMANDS.flatMap((command) =>
    SHARES.map((share): Row => {
      const samples = pairs.map(({ weft }) => percentile(weft[command], share));
      const yardsticks = pairs.map(({ chain }) => percentile(chain[command], share));
      const ratio = median(samples.map((value, at) => value / (yardsticks[at] ?? Number.NaN)));
      return {
        name: `${command}, ${atOnce} at a time, p${share * 100}`,
        value: median(samples),
        unit: 'ms',
        samples,
        yardstick: { name: 'Go', value: median(yardsticks), ratio },
        target: { of: 'ratio', most: MOST_OF_CHAIN },
      };
    }),
  );
}

/** The shim without the agent: what starting it costs. */
async function shimAlone(site: Site, runs: number): Promise<Row> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) samples.push(median(await drive(site, 'VERSION', site.weft, 1)));
  return {
    name: 'the shim alone, p50',
    value: median(samples),
    unit: 'ms',
    samples,
    target: { of: 'value', most: MOST_SHIM_MS },
  };
}

async function addAndDelete(site: Site, plugins: readonly string[], atOnce: number): Promise<Times> {
  const added = await drive(site, 'ADD', plugins, atOnce);
  return { ADD: added, DEL: await drive(site, 'DEL', plugins, atOnce) };
}

async function drive(
  { driver, containers, host }: Site,
  command: Command | 'VERSION',
  plugins: readonly string[],
  atOnce: number,
): Promise<readonly number[]> {
  const words = [command, String(containers), String(atOnce), `/run/netns/${host.namespace}-c`, ...plugins];
  const { stdout } = await mustRun({
    argv: enterNamespace(host.namespace, [driver, ...words]),
    environment: { WEFT_CONTROL_SOCKET: join(host.directory, 'agent.sock'), CNI_PATH: GO_PLUGINS },
    why: 'run CNI plugins',
    timeoutMs: 300_000,
  });
  const times = stdout
    .trim()
    .split('\n')
    .map((line) => Number(line) / 1000);
  if (times.length !== containers) throw new Error(`${times.length} of ${containers} containers were served`);
  return times;
}

async function furnish(host: BenchHost, containers: number): Promise<Site> {
  const driver = join(SANDBOX_DIRECTORY, 'cni-run');
  await mustRun({
    argv: ['gcc', '-O2', '-o', driver, join(import.meta.dirname, 'cni-run.c')],
    why: 'compile the driver',
  });
  const names = Array.from({ length: containers }, (_, index) => `netns add ${host.namespace}-c${index}\n`);
  await mustRun({ argv: ['ip', '-batch', '-'], stdin: names.join(''), why: 'make containers' });
  const file = (name: string, config: object): string => {
    const path = join(host.directory, name);
    writeFileSync(path, JSON.stringify({ cniVersion: '1.0.0', name: 'bench', ...config }));
    return path;
  };
  const ipam = { type: 'host-local', ranges: [[{ subnet: SUBNET }]] };
  const own = { ...ipam, dataDir: join(host.directory, 'addresses') };
  const bridge = { hairpinMode: true, isDefaultGateway: true, isGateway: true, ipMasq: false, mtu: 1450 };
  const weft = file('weft.json', {
    type: 'weft',
    dataDir: join(host.directory, 'records'),
    ...bridge,
    bridge: 'cni0',
    ipam: own,
  });
  const chained = { ...ipam, dataDir: join(host.directory, 'go-addresses') };
  const first = file('bridge.json', { type: 'bridge', ...bridge, bridge: 'cni1', ipam: chained });
  const second = file('portmap.json', { type: 'portmap', capabilities: { portMappings: true } });
  return {
    host,
    driver,
    containers,
    weft: [join(SANDBOX_DIRECTORY, 'weft/dist/cni-weft'), weft],
    chain: [`${GO_PLUGINS}/bridge`, first, `${GO_PLUGINS}/portmap`, second],
  };
}
