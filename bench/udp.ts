/**
 * The udp backend's data path between two hosts: TCP throughput, and 64-byte packets a second, each between two runs of a plain
 * forwarding loop in C (udp-plain-loop.c).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { enterNamespace } from '#hosts/namespace.ts';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { mustRun } from '#runtime/command.ts';
import { openTunnel } from '#tun/tunnel.ts';
import type { Bench, Figure, Row, Unit } from './harness/figure.ts';
import { type BenchHost, ipBatchIn, makeHosts, removeHosts } from './harness/hosts.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { SANDBOX_DIRECTORY } from './harness/sandbox.ts';

const PORT = 8285;
const MTU = 1472;
const DEVICE = 'flannel0';
const SUBNETS = ['10.5.1.0/24', '10.5.2.0/24'] as const;
const SECONDS = 4;
const QUICK_SECONDS = 1;

type Pair = readonly [BenchHost, BenchHost];
/** Puts a forwarder on both hosts; gives what ends them. */
type Forwarders = (hosts: Pair) => Promise<() => Promise<void>>;

interface Load {
  readonly name: string;
  readonly unit: Unit;
  readonly least: number | undefined;
  /** For the iperf3 client. */
  readonly flags: readonly string[];
  /** The figure, in the unit, from what iperf3 prints. */
  readonly read: (end: IperfEnd) => number;
}

interface IperfEnd {
  readonly sum_received?: { readonly bits_per_second: number };
  readonly sum?: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
}

const LOADS: readonly Load[] = [
  {
    name: 'TCP, one connection',
    unit: 'Mbit/s',
    least: 0.9,
    flags: [],
    read: ({ sum_received }) => (sum_received?.bits_per_second ?? Number.NaN) / 1e6,
  },
  {
    name: '64-byte packets received',
    unit: 'packets/s',
    least: undefined,
    // 64 bytes with the inner IPv4 and UDP headers.
    flags: ['--udp', '--bandwidth', '0', '--length', '36'],
    read: ({ sum }) => (sum === undefined ? Number.NaN : (sum.packets - sum.lost_packets) / sum.seconds),
  },
];

export const udp: Figure = {
  name: 'udp',
  title: 'The udp backend, two hosts',
  async measure(bench) {
    const loop = await compileLoop();
    const [first, second] = await makeHosts(2);
    if (first === undefined || second === undefined) throw new Error('two hosts were asked for');
    const hosts = [first, second] as const;
    try {
      const rows: Row[] = [];
      for (const load of LOADS) rows.push(await measureLoad(bench, hosts, load, plainLoops(loop)));
      return { rows, notes: ['iperf3, both hosts and both forwarders on the same cores'] };
    } finally {
      await removeHosts(hosts);
    }
  },
};

async function measureLoad(bench: Bench, hosts: Pair, load: Load, plain: Forwarders): Promise<Row> {
  const seconds = bench.quick ? QUICK_SECONDS : SECONDS;
  const measure = async (forwarders: Forwarders): Promise<number> => {
    const end = await forwarders(hosts);
    try {
      return load.read(await iperf(hosts, seconds, load.flags));
    } finally {
      await end();
    }
  };
  const pairs = await measurePaired(
    bench.runs,
    () => measure(plain),
    (run) => {
      bench.progress(`udp, ${load.name}, run ${run + 1} of ${bench.runs}`);
      return measure(tunnels);
    },
  );
  const { yardstick, ...figures } = pairedFigures('plain C loop', pairs);
  const row = { ...figures, name: load.name, unit: load.unit, yardstick: { ...yardstick, unit: load.unit } };
  return load.least === undefined ? row : { ...row, target: { of: 'ratio', least: load.least } };
}

async function tunnels(hosts: Pair): Promise<() => Promise<void>> {
  const opened = hosts.map(({ path, address }, at) => {
    const tunnel = openTunnel({ device: DEVICE, address: ipv4(address), port: PORT, namespace: path });
    const subnet = parseIpv4Cidr(SUBNETS[1 - at] ?? '');
    const host = ipv4(hosts[1 - at]?.address ?? '');
    if (subnet !== undefined) tunnel.apply({ peers: [{ subnet, host }], source: undefined, mtu: MTU });
    return tunnel;
  });
  await raiseDevices(hosts);
  return async () => {
    for (const tunnel of opened) tunnel.close();
  };
}

function plainLoops(program: string): Forwarders {
  return async (hosts) => {
    const children = await Promise.all(
      hosts.map(async ({ namespace, address }, at) => {
        const parameters = [DEVICE, address, String(PORT), String(MTU), SUBNETS[1 - at] ?? ''];
        const argv = enterNamespace(namespace, [program, ...parameters, hosts[1 - at]?.address ?? '']);
        const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
        await once(child.stdout, 'data');
        return child;
      }),
    );
    await raiseDevices(hosts);
    return async () => {
      const ended = children.map((child) => once(child, 'close'));
      for (const child of children) child.stdin.end();
      await Promise.all(ended);
    };
  };
}

async function raiseDevices(hosts: Pair): Promise<void> {
  for (const [at, { namespace }] of hosts.entries()) {
    await ipBatchIn(namespace, [
      `address add ${innerAddress(at)}/32 dev ${DEVICE}\n`,
      `link set ${DEVICE} mtu ${MTU} up\n`,
      `route add 10.5.0.0/16 dev ${DEVICE}\n`,
    ]);
  }
}

async function iperf([client, server]: Pair, seconds: number, flags: readonly string[]): Promise<IperfEnd> {
  const serving = enterNamespace(server.namespace, ['iperf3', '--server', '--one-off', '--json']);
  const served = mustRun({ argv: serving, why: 'run an iperf3 server' });
  await pause(300);
  const words = ['--client', innerAddress(1), '--time', String(seconds), '--json', ...flags];
  const argv = enterNamespace(client.namespace, ['iperf3', ...words]);
  const { stdout } = await mustRun({ argv, why: 'measure with iperf3' });
  await served;
  const report: { readonly end: IperfEnd } = JSON.parse(stdout);
  return report.end;
}

async function compileLoop(): Promise<string> {
  const program = join(SANDBOX_DIRECTORY, 'udp-plain-loop');
  const source = join(import.meta.dirname, 'udp-plain-loop.c');
  await mustRun({ argv: ['gcc', '-O2', '-o', program, source], why: 'compile the plain loop' });
  return program;
}

function innerAddress(at: number): string {
  return SUBNETS[at]?.replace('/24', '') ?? '';
}

function ipv4(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no IPv4 address`);
  return address;
}
