/**
 * The routes that real flannels left on the first of three hosts (recorded 2026-11-20), and what our agent makes of the same
 * records on a host that flannel has just left: the same text, with what is no lease's any more removed (D-12) and what
 * was never flannel's left alone.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connectEtcd } from '#etcd/client.ts';
import { AgentHost, etcdFlags, PREFIX } from './agent-host.ts';
import { leaveSubnetFile } from './agent-segment.ts';

interface Recorded {
  readonly dump: string;
  readonly document: string;
  readonly records: Readonly<Record<string, string>>;
  /** Key of the lease of 10.77.0.11, which is this host. */
  readonly own: string;
  /** `ip -d route`, without the bridge of the Pods. */
  readonly routes: string;
}

const CONNECTED = 'unicast 10.77.0.0/16 dev eth0 proto kernel scope link src 10.77.0.11 ';

const RECORDED: readonly Recorded[] = [
  {
    dump: 'v0.28.9-hostgw-3',
    document: '{"Network": "172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "host-gw"}}',
    records: {
      '172.30.46.0-24': '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"host-gw"}',
      '172.30.66.0-24': '{"PublicIP":"10.77.0.13","PublicIPv6":null,"BackendType":"host-gw"}',
      '172.30.87.0-24': '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"host-gw"}',
    },
    own: '172.30.87.0-24',
    routes: `${CONNECTED}
unicast 172.30.46.0/24 via 10.77.0.12 dev eth0 proto boot scope global 
unicast 172.30.66.0/24 via 10.77.0.13 dev eth0 proto boot scope global `,
  },
  {
    dump: 'v0.11.0-hostgw-3',
    document: '{"Network": "172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "host-gw"}}',
    records: {
      '172.30.82.0-24': '{"PublicIP":"10.77.0.12","BackendType":"host-gw"}',
      '172.30.4.0-24': '{"PublicIP":"10.77.0.13","BackendType":"host-gw"}',
      '172.30.8.0-24': '{"PublicIP":"10.77.0.11","BackendType":"host-gw"}',
    },
    own: '172.30.8.0-24',
    routes: `${CONNECTED}
unicast 172.30.4.0/24 via 10.77.0.13 dev eth0 proto boot scope global 
unicast 172.30.82.0/24 via 10.77.0.12 dev eth0 proto boot scope global `,
  },
  {
    dump: 'v0.11.0-vxlan-directrouting-3',
    document:
      '{"Network": "172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "vxlan", "VNI": 5, "Port": 4789, "DirectRouting": true}}',
    records: {
      '172.30.6.0-24': '{"PublicIP":"10.77.0.13","BackendType":"vxlan","BackendData":{"VtepMAC":"42:84:cd:4c:ba:ed"}}',
      '172.30.51.0-24': '{"PublicIP":"10.77.0.11","BackendType":"vxlan","BackendData":{"VtepMAC":"f6:9d:88:ca:3b:a4"}}',
      '172.30.74.0-24': '{"PublicIP":"10.77.0.12","BackendType":"vxlan","BackendData":{"VtepMAC":"de:29:0c:cf:fd:af"}}',
    },
    own: '172.30.51.0-24',
    routes: `${CONNECTED}
unicast 172.30.6.0/24 via 10.77.0.13 dev eth0 proto boot scope global 
unicast 172.30.74.0/24 via 10.77.0.12 dev eth0 proto boot scope global `,
  },
];

async function takeOver(context: TestContext, recorded: Recorded): Promise<AgentHost> {
  const host = new AgentHost(context);
  const cluster = await host.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: recorded.document });
  for (const [name, value] of Object.entries(recorded.records)) {
    await etcd.put({ key: `${PREFIX}/subnets/${name}`, value });
  }
  const gateway = recorded.own.replace('.0-', '.1/');
  leaveSubnetFile(host, `FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=${gateway}\nFLANNEL_MTU=1500\n`);
  // What flannel left: the routes of the dump, one of a peer that is gone; and what an operator added.
  const left = recorded.routes
    .split('\n')
    .slice(1)
    .map((line) => line.split(' ').slice(1, 6).join(' '));
  host.batch(
    ...left.map((line) => `route add ${line}`),
    'route add 172.30.200.0/24 via 10.77.0.99 dev eth0',
    'route add 172.30.201.0/24 via 10.77.0.98 dev eth0 proto static',
    'route add 172.30.202.0/25 via 10.77.0.98 dev eth0',
    'route add 192.168.7.0/24 via 10.77.0.98 dev eth0',
  );
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.ready();
  return host;
}

const OPERATORS = [
  'unicast 172.30.201.0/24 via 10.77.0.98 dev eth0 proto static scope global ',
  'unicast 172.30.202.0/25 via 10.77.0.98 dev eth0 proto boot scope global ',
  'unicast 192.168.7.0/24 via 10.77.0.98 dev eth0 proto boot scope global ',
];

for (const recorded of RECORDED) {
  test(`on the records of ${recorded.dump} the routes read as flannel's, and only a vanished peer's is removed`, async (context) => {
    const host = await takeOver(context, recorded);
    const lines = host.print('ip', '-d', 'route').split('\n');
    assert.equal(lines.filter((line) => !OPERATORS.includes(line)).join('\n'), recorded.routes);
    assert.deepEqual(
      lines.filter((line) => OPERATORS.includes(line)),
      OPERATORS,
    );
    const gateway = recorded.own.replace('.0-', '.1/');
    assert.match(host.readSubnetFile(), new RegExp(`FLANNEL_SUBNET=${gateway.replaceAll('.', '\\.')}\n`));
  });
}
