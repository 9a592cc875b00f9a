/**
 * The kernel state that a real flannel 0.28.9 left on the first of three hosts (vxlan, etcd v3, recorded 2026-11-20), and what
 * our agent makes of the same records: the same text, but for the interface's number.
 */
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { connectEtcd } from '#etcd/client.ts';
import { AgentHost, etcdFlags, PREFIX } from './agent-host.ts';

const RECORDS = {
  '172.30.24.0-24':
    '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}',
  '172.30.71.0-24':
    '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"7e:74:c7:9e:78:6a"}}',
  '172.30.90.0-24':
    '{"PublicIP":"10.77.0.13","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"26:4c:39:57:8a:0d"}}',
};

const LINK = `flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default 
    link/ether 7e:74:c7:9e:78:6a brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 
    vxlan id 1 local 10.77.0.11 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 524280 tso_max_segs 65535 gro_max_size 65536 `;

const ADDRESS = `flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default 
    inet 172.30.71.0/32 scope global flannel.1
       valid_lft forever preferred_lft forever`;

const ROUTES = `unicast 10.77.0.0/16 dev eth0 proto kernel scope link src 10.77.0.11 
unicast 172.30.24.0/24 via 172.30.24.0 dev flannel.1 proto boot scope global onlink 
unicast 172.30.90.0/24 via 172.30.90.0 dev flannel.1 proto boot scope global onlink `;

const FDB = `26:4c:39:57:8a:0d dst 10.77.0.13 self permanent
8a:1b:af:8c:b2:78 dst 10.77.0.12 self permanent`;

const NEIGHBOURS = `172.30.24.0 lladdr 8a:1b:af:8c:b2:78 PERMANENT 
172.30.90.0 lladdr 26:4c:39:57:8a:0d PERMANENT `;

const SUBNET_FILE = `FLANNEL_NETWORK=172.30.0.0/16
FLANNEL_SUBNET=172.30.71.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=false
`;

test("on flannel's own records the kernel state reads as flannel's", async (context) => {
  const host = new AgentHost(context);
  const cluster = await host.etcd(context, true);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints, ...cluster.tls });
  context.after(() => etcd.close());
  const document = '{"Network": "172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "vxlan"}}';
  await etcd.put({ key: `${PREFIX}/config`, value: document });
  for (const [name, value] of Object.entries(RECORDS)) await etcd.put({ key: `${PREFIX}/subnets/${name}`, value });
  // flannel's own state in its file: the subnet of the record is kept.
  writeFileSync(host.subnetFile, SUBNET_FILE.replace('false', 'true'));
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.ready();

  const withoutNumber = (text: string): string => text.replace(/^\d+: /gm, '');
  assert.equal(withoutNumber(host.print('ip', '-d', 'link', 'show', 'flannel.1')), LINK);
  assert.equal(withoutNumber(host.print('ip', '-4', 'addr', 'show', 'flannel.1')), ADDRESS);
  assert.equal(host.print('ip', '-d', 'route'), ROUTES);
  assert.equal(sorted(host.print('bridge', 'fdb', 'show', 'dev', 'flannel.1')), FDB);
  assert.equal(sorted(host.print('ip', 'neigh', 'show', 'dev', 'flannel.1')), NEIGHBOURS);
  assert.equal(host.readSubnetFile(), SUBNET_FILE);
  assert.equal(statSync(host.subnetFile).mode & 0o777, 0o644);

  const { kvs } = await etcd.range({ key: `${PREFIX}/subnets/172.30.71.0-24` });
  assert.equal(kvs[0]?.value, RECORDS['172.30.71.0-24']);
});

/** The kernel lists neighbours and FDB entries in the order of a hash. */
function sorted(text: string): string {
  return text.split('\n').sort().join('\n');
}
