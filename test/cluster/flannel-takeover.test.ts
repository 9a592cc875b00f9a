/**
 * A host that flannel 0.28.9 has just left is taken over while Pods talk, beside a host on which flannel goes on: what its
 * dump has is made by iproute2 on both, and our agent is started on the first alone.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { connectEtcd } from '#etcd/client.ts';
import { type AgentHost, etcdFlags, PREFIX } from './agent-host.ts';
import { connectHosts, leaveSubnetFile, Pod } from './agent-segment.ts';

interface Member {
  readonly address: string;
  readonly subnet: string;
  readonly mac: string;
}

const FIRST: Member = { address: '10.77.0.11', subnet: '172.30.71.0', mac: '7e:74:c7:9e:78:6a' };
const SECOND: Member = { address: '10.77.0.12', subnet: '172.30.24.0', mac: '8a:1b:af:8c:b2:78' };
const PINGS = 150;

function recordOf({ address, mac }: Member): string {
  return `{"PublicIP":"${address}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
}

/** Device, address, neighbour, FDB entry and route in the order of spec §5.1, and the file. */
function leaveAsFlannel(host: AgentHost, own: Member, peer: Member): void {
  host.batch(
    `link add flannel.1 address ${own.mac} mtu 1450 txqueuelen 0 type vxlan id 1 dev eth0 local ${own.address} nolearning dstport 8472`,
    `address add ${own.subnet}/32 dev flannel.1`,
    'link set flannel.1 up',
    `neigh replace ${peer.subnet} lladdr ${peer.mac} dev flannel.1 nud permanent`,
  );
  const ignore = ['netns', 'exec', host.namespace, 'tee', '/proc/sys/net/ipv6/conf/flannel.1/accept_ra'];
  execFileSync('ip', ignore, { input: '0' });
  const entry = `fdb replace ${peer.mac} dev flannel.1 dst ${peer.address} self permanent`;
  execFileSync('bridge', ['-n', host.namespace, ...entry.split(' ')]);
  host.batch(`route replace ${peer.subnet}/24 via ${peer.subnet} dev flannel.1 onlink`);
  const gateway = own.subnet.replace(/0$/, '1/24');
  leaveSubnetFile(host, `FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=${gateway}\nFLANNEL_MTU=1450\n`);
}

test('a host that flannel left is taken over as it is, without a lost ping, beside one on which flannel stays', async (context) => {
  const [first, second] = connectHosts(context);
  leaveAsFlannel(first, FIRST, SECOND);
  leaveAsFlannel(second, SECOND, FIRST);
  const [pod, other] = [new Pod(context, first), new Pod(context, second)];
  await pod.reaches(other);

  const cluster = await first.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: '{"Network": "172.30.0.0/16", "Backend": {"Type": "vxlan"}}' });
  const keyOf = ({ subnet }: Member): string => `${PREFIX}/subnets/${subnet}-24`;
  for (const member of [FIRST, SECOND]) await etcd.put({ key: keyOf(member), value: recordOf(member) });
  const look = (): readonly string[] => [
    first.print('ip', '-d', 'link', 'show', 'flannel.1'),
    first.print('ip', '-4', 'address', 'show', 'flannel.1'),
    first.print('ip', 'route'),
    first.print('ip', 'neigh', 'show', 'dev', 'flannel.1'),
    first.print('bridge', 'fdb', 'show', 'dev', 'flannel.1'),
  ];
  const before = look();

  const ping = ['fping', '-q', '-c', String(PINGS), '-p', '10', ...other.addresses];
  const pinged = promisify(execFile)('ip', ['netns', 'exec', pod.namespace, ...ping]);
  const agent = first.start(context, ...etcdFlags(cluster));
  await agent.ready();
  assert.match((await pinged).stderr, new RegExp(`xmt/rcv/%loss = ${PINGS}/${PINGS}/0%`));

  assert.deepEqual(look(), before, 'the very device, by its number too');
  assert.doesNotMatch(agent.log(), /kernel programmed/);
  assert.equal((await etcd.range({ key: keyOf(FIRST) })).kvs[0]?.value, recordOf(FIRST));
  assert.match(first.readSubnetFile(), /^FLANNEL_SUBNET=172\.30\.71\.1\/24$/m);
});
