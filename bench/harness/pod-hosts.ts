/** Pairs of hosts with a Pod each behind a bridge: the agents' fabric, or the same wired by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { enterNamespace } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import type { Bench } from './figure.ts';
import { type BenchHost, ipBatchIn, makeHosts, removeHosts } from './hosts.ts';

/** What sends or receives: a Pod, or a host itself. */
export interface End {
  readonly namespace: string;
  readonly address: string;
}

export type Ends = readonly [from: End, to: End];

export interface PodPair {
  readonly hosts: readonly [BenchHost, BenchHost];
  readonly pods: Ends;
  remove(): Promise<void>;
}

const NETWORK = '10.5.0.0/16';
const MTU = 1450;
const PATIENCE_MS = 20_000;

/** With agents, that are given those flags. */
export async function agentPair(bench: Bench, flags: readonly string[]): Promise<PodPair> {
  const hosts = await makeHosts(2);
  const prefix = await bench.store.newNetwork({ Network: NETWORK, Backend: { Type: 'vxlan' } });
  const agents = hosts.map((host) =>
    startAgent({ program: bench.program, store: bench.store, prefix, host, flags: ['-ip-masq', ...flags] }),
  );
  await Promise.all(agents.map(({ ready }) => ready));
  const pods = await Promise.all(hosts.map((host) => addPod(host, subnetOf(host))));
  const pair = pairOf(hosts, pods, agents);
  await letThemMeet(pair.pods);
  return pair;
}

/** As flannel leaves a host, by `ip`, `bridge` and `iptables`. */
export async function handmadePair(): Promise<PodPair> {
  const hosts = await makeHosts(2);
  const pods = await Promise.all(
    hosts.map(async (host, at) => {
      const peer = hosts[1 - at];
      if (peer === undefined) throw new Error('two hosts were asked for');
      await wireByHand(host, at + 1, peer.address, 2 - at);
      return addPod(host, `10.5.${at + 1}`);
    }),
  );
  const pair = pairOf(hosts, pods, []);
  await letThemMeet(pair.pods);
  return pair;
}

/** Waits until the agent's log says so; a Fault when it does not. */
export async function whenLogged({ hosts }: PodPair, words: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  const isSaid = ({ directory }: BenchHost): boolean =>
    readFileSync(join(directory, 'agent.log'), 'utf8').includes(words);
  while (!hosts.every(isSaid)) {
    if (performance.now() > end) {
      const why = hosts
        .map(({ directory }) => readFileSync(join(directory, 'agent.log'), 'utf8').slice(-600))
        .join('\n');
      throw new Fault('command.failed', { what: `the agents do not say "${words}"`, why });
    }
    await pause(50);
  }
}

async function wireByHand(
  { namespace, address }: BenchHost,
  number: number,
  peerAddress: string,
  peer: number,
): Promise<void> {
  const mac = (of: number): string => `02:00:00:00:01:0${of}`;
  await ipBatchIn(namespace, [
    `link add flannel.1 address ${mac(number)} mtu ${MTU} type vxlan id 1 dev eth0 local ${address} nolearning dstport 8472\n`,
    `address add 10.5.${number}.0/32 dev flannel.1\n`,
    'link set flannel.1 up\n',
    `neighbor add 10.5.${peer}.0 lladdr ${mac(peer)} dev flannel.1 nud permanent\n`,
    `route add 10.5.${peer}.0/24 via 10.5.${peer}.0 dev flannel.1 onlink\n`,
  ]);
  const fdb = ['bridge', 'fdb', 'add', mac(peer), 'dev', 'flannel.1', 'dst', peerAddress, 'self', 'permanent'];
  await runIn(namespace, fdb);
  const own = `10.5.${number}.0/24`;
  const rules = [
    '*nat',
    ':FLANNEL-POSTRTG - [0:0]',
    '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
    '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN',
    `-A FLANNEL-POSTRTG -s ${own} -d ${NETWORK} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${NETWORK} -d ${own} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${NETWORK} -d ${own} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${NETWORK} ! -d 224.0.0.0/4 -j MASQUERADE --random-fully`,
    `-A FLANNEL-POSTRTG ! -s ${NETWORK} -d ${NETWORK} -j MASQUERADE --random-fully`,
    'COMMIT',
    '*filter',
    ':FLANNEL-FWD - [0:0]',
    '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
    `-A FLANNEL-FWD -s ${NETWORK} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${NETWORK} -j ACCEPT`,
    'COMMIT',
    '',
  ];
  const argv = enterNamespace(namespace, ['iptables-restore', '--noflush']);
  await mustRun({ argv, stdin: rules.join('\n'), why: 'write the rules by hand' });
}

/** A bridge as docker's or a CNI plugin's, and a namespace behind it. `base` is such as `10.5.1`. */
async function addPod({ namespace }: BenchHost, base: string): Promise<End> {
  const pod = `${namespace}p`;
  await mustRun({ argv: ['ip', 'netns', 'add', pod], why: 'make a Pod' });
  await ipBatchIn(namespace, [
    `link add cni0 mtu ${MTU} type bridge\n`,
    `address add ${base}.1/24 dev cni0\n`,
    'link set cni0 up\n',
    `link add vpod mtu ${MTU} type veth peer name eth0 netns ${pod}\n`,
    'link set vpod master cni0 up\n',
  ]);
  await runIn(namespace, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await ipBatchIn(pod, [
    'link set lo up\n',
    `address add ${base}.2/24 dev eth0\n`,
    `link set eth0 mtu ${MTU} up\n`,
    `route add default via ${base}.1\n`,
  ]);
  return { namespace: pod, address: `${base}.2` };
}

function subnetOf({ directory }: BenchHost): string {
  const found = /^FLANNEL_SUBNET=(\d+\.\d+\.\d+)\./m.exec(readFileSync(join(directory, 'subnet.env'), 'utf8'))?.[1];
  if (found === undefined) throw new Error('no subnet file');
  return found;
}

function pairOf(hosts: readonly BenchHost[], pods: readonly End[], agents: readonly AgentProcess[]): PodPair {
  const [from, to] = hosts;
  const [podFrom, podTo] = pods;
  if (from === undefined || to === undefined || podFrom === undefined || podTo === undefined)
    throw new Error('two hosts');
  return {
    hosts: [from, to],
    pods: [podFrom, podTo],
    async remove() {
      await Promise.all(agents.map((agent) => agent.stop()));
      for (const { namespace } of pods) await mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove a Pod' });
      await removeHosts(hosts);
    },
  };
}

/** So that the bridges know their Pods. */
async function letThemMeet([from, to]: Ends): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const argv = enterNamespace(from.namespace, ['ping', '-c', '1', '-W', '1', to.address]);
    try {
      await mustRun({ argv, why: 'let the Pods meet' });
      return;
    } catch (error) {
      if (!(error instanceof Fault) || performance.now() > end) throw error;
    }
  }
}

async function runIn(namespace: string, argv: readonly string[]): Promise<void> {
  await mustRun({ argv: enterNamespace(namespace, argv), why: `set up ${namespace}` });
}
