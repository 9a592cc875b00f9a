/** Hosts of one segment, each with the real agent and a Pod, for tests in which Pods talk to each other. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Etcd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { AgentHost, etcdFlags, eventually, PREFIX, type RunningAgent } from './agent-host.ts';

let count = 0;

/** A host with the addresses 10.77.0.N and fd00:77::N on eth0, and a Pod that its subnet file gives its addresses. */
export interface SegmentHost {
  readonly host: AgentHost;
  readonly agent: RunningAgent;
  readonly pod: Pod;
}

export interface Segment {
  readonly etcd: Etcd;
  readonly cluster: EtcdCluster;
  readonly hosts: readonly [SegmentHost, SegmentHost];
}

/** Two hosts on one bridge, 10.77.0.11 and 10.77.0.12, with nothing on them. */
export function connectHosts(context: TestContext): readonly [AgentHost, AgentHost] {
  count += 1;
  const bridge = `weft-seg-${process.pid}-${count}`;
  execFileSync('ip', ['netns', 'add', bridge]);
  context.after(() => execFileSync('ip', ['netns', 'delete', bridge]));
  batch(bridge, 'link add br0 type bridge', 'link set br0 up');
  const connect = (number: number): AgentHost => {
    const host = new AgentHost(context, `10.77.0.${number}/16`);
    host.batch(`link set eth0p netns ${bridge} name p${number}`, `address add fd00:77::${number}/64 dev eth0 nodad`);
    batch(bridge, `link set p${number} master br0 up`);
    return host;
  };
  return [connect(11), connect(12)];
}

/** Two hosts, ready, with this network document; etcd runs on the first. */
export async function startSegment(context: TestContext, document: object): Promise<Segment> {
  const [first, second] = connectHosts(context);
  const cluster = await first.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: JSON.stringify(document) });
  const start = async (host: AgentHost): Promise<SegmentHost> => {
    const agent = host.start(context, ...etcdFlags(cluster));
    await agent.ready();
    return { host, agent, pod: new Pod(context, host) };
  };
  return { etcd, cluster, hosts: [await start(first), await start(second)] };
}

/** A namespace behind a host, with the second usable address of each of its subnets. */
export class Pod {
  readonly namespace: string;
  /** `172.30.7.2` and `fd10:0:0:7::2`, as far as there are such subnets. */
  readonly addresses: readonly string[];

  constructor(context: TestContext, host: AgentHost) {
    this.namespace = `${host.namespace}-pod`;
    execFileSync('ip', ['netns', 'add', this.namespace]);
    context.after(() => execFileSync('ip', ['netns', 'delete', this.namespace]));
    const file = host.readSubnetFile();
    const gateways = [...file.matchAll(/^FLANNEL_(?:IPV6_)?SUBNET=(\S+)$/gm)].map((match) => match[1] ?? '');
    this.addresses = gateways.map((gateway) => gateway.replace(/1\/\d+$/, '2'));
    for (const name of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
      execFileSync('ip', ['netns', 'exec', host.namespace, 'tee', `/proc/sys/net/${name}`], { input: '1' });
    }
    host.batch(`link add pod0 type veth peer name eth0 netns ${this.namespace}`, 'link set pod0 up');
    batch(this.namespace, 'link set lo up', 'link set eth0 up');
    for (const gateway of gateways) {
      const isIpv6 = gateway.includes(':');
      const address = gateway.replace(/1\/(\d+)$/, '2/$1');
      host.batch(`address add ${gateway} dev pod0${isIpv6 ? ' nodad' : ''}`);
      batch(this.namespace, `address add ${address} dev eth0${isIpv6 ? ' nodad' : ''}`);
      batch(this.namespace, `${isIpv6 ? '-6 ' : ''}route add default via ${gateway.replace(/\/.*/, '')} dev eth0`);
    }
  }

  /** Waits until each address of the other Pod answers. */
  async reaches(other: Pod): Promise<void> {
    for (const address of other.addresses) {
      await eventually(
        () => this.#pings(address),
        (answered) => answered,
        `ping of ${address}`,
      );
    }
  }

  #pings(address: string): boolean {
    try {
      const argv = ['netns', 'exec', this.namespace, 'ping', '-c', '1', '-W', '1', '-q', address];
      execFileSync('ip', argv, { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }
}

function batch(namespace: string, ...lines: readonly string[]): void {
  for (const line of lines) execFileSync('ip', ['-n', namespace, ...line.split(' ')]);
}

/** Writes the file that an earlier run left. */
export function leaveSubnetFile(host: AgentHost, text: string): void {
  writeFileSync(host.subnetFile, text);
}
