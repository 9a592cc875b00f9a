import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { parseCidr } from '#model/ip.ts';
import { type LabPlan, planLab, plannedNamespaces, roomForHosts } from './plan.ts';
import {
  connectPorts,
  makeNamespaces,
  plugHosts,
  routeAtSwitch,
  routeToSwitch,
  setNeighbours,
  setUpHost,
  setUpPod,
  setUpPodBridge,
  setUpSwitch,
} from './wiring.ts';

const cidr = (text: string) => parseIpv4Cidr(text) ?? assert.fail(text);

function plan(hosts: number, podNetworks: readonly string[] = ['172.30.0.0/16']): LabPlan {
  return planLab({
    name: 'blue',
    hosts,
    subnet: cidr('10.77.0.0/16'),
    podNetworks: podNetworks.map((text) => parseCidr(text) ?? assert.fail(text)),
    backend: 'vxlan',
    etcdApi: 'v3',
    masquerade: false,
    pods: 'namespace',
    document: '{}',
  });
}

const POD_NETWORK = {
  ipv4: { subnet: '172.30.71.0/24', gateway: '172.30.71.1/24', podAddress: '172.30.71.2/24' },
  mtu: 1450,
};
const IPV6 = { subnet: 'fd30:0:0:2b::/64', gateway: 'fd30:0:0:2b::1/64', podAddress: 'fd30:0:0:2b::2/64' };

test('hosts count from .11, the first three have etcd members, and every name carries the name of the lab', () => {
  const lab = plan(4);
  assert.deepEqual(
    lab.hosts.map((host) => [host.name, host.address, host.mac, host.member]),
    [
      ['host1', '10.77.0.11', '0a:58:0a:4d:00:0b', true],
      ['host2', '10.77.0.12', '0a:58:0a:4d:00:0c', true],
      ['host3', '10.77.0.13', '0a:58:0a:4d:00:0d', true],
      ['host4', '10.77.0.14', '0a:58:0a:4d:00:0e', false],
    ],
  );
  for (const name of plannedNamespaces(lab)) assert.match(name, /^weft-blue-/);
  assert.equal(plannedNamespaces(lab).length, 9);
  assert.equal(lab.switchAddress, '10.77.255.254');
});

test('the room of a subnet leaves out the addresses below .11, the switch and the broadcast', () => {
  assert.deepEqual([16, 24, 26, 27, 28, 30].map(roomForHosts), [65523, 243, 51, 19, 3, 0]);
});

test('names of interfaces fit into the 15 characters of the kernel', () => {
  for (const host of plan(50).hosts) assert(host.name.length <= 15);
});

test('one batch makes the namespaces and plugs every host into the switch', () => {
  const lab = plan(3);
  const [first] = lab.hosts;
  assert(first !== undefined);
  assert.equal(
    makeNamespaces(['weft-blue-switch', 'weft-blue-host1']),
    'netns add weft-blue-switch\nnetns add weft-blue-host1\n',
  );
  assert.equal(
    plugHosts(lab, [first]),
    'link add eth0 address 0a:58:0a:4d:00:0b netns weft-blue-host1 mtu 1500 type veth peer name host1 netns weft-blue-switch mtu 1500\n',
  );
});

test('inside the machines come addresses, the bridge of the switch and the bridge of the Pods', () => {
  const lab = plan(3);
  const [first] = lab.hosts;
  assert(first !== undefined);
  assert.equal(
    setUpSwitch(lab),
    'link add br0 type bridge\naddress add 10.77.255.254/16 dev br0\nlink set br0 up\n' +
      'link set host1 master br0 up\nlink set host2 master br0 up\nlink set host3 master br0 up\n',
  );
  assert.equal(connectPorts([first]), 'link set host1 master br0 up\n');
  assert.equal(setUpHost(lab, first), 'link set lo up\naddress add 10.77.0.11/16 dev eth0\nlink set eth0 up\n');
  assert.equal(
    setUpPodBridge(first, POD_NETWORK),
    'link add cni0 mtu 1450 type bridge\naddress add 172.30.71.1/24 dev cni0\nlink set cni0 up\n' +
      'link add veth0 mtu 1450 type veth peer name eth0 netns weft-blue-pod1 mtu 1450\nlink set veth0 master cni0 up\n',
  );
  assert.equal(
    setUpPod(POD_NETWORK),
    'link set lo up\naddress add 172.30.71.2/24 dev eth0\nlink set eth0 up\nroute add default via 172.30.71.1\n',
  );
  assert.equal(
    setNeighbours(lab, first),
    'neigh replace 10.77.0.12 lladdr 0a:58:0a:4d:00:0c dev eth0 nud permanent\n' +
      'neigh replace 10.77.0.13 lladdr 0a:58:0a:4d:00:0d dev eth0 nud permanent\n',
  );
});

test('where the Pods have IPv6, hosts and Pods have an address of each kind, and nobody waits for duplicates', () => {
  const lab = plan(3, ['172.30.0.0/16', 'fd30::/56']);
  const [first] = lab.hosts;
  assert(first !== undefined);
  assert.deepEqual(lab.podNetworks, ['172.30.0.0/16', 'fd30::/56']);
  assert.deepEqual([first.addressIpv6, lab.switchAddressIpv6], ['fd77::10:77:0:11', 'fd77::10:77:255:254']);
  assert.match(setUpHost(lab, first), /^address add fd77::10:77:0:11\/64 dev eth0 nodad$/m);
  assert.match(setUpSwitch(lab), /^address add fd77::10:77:255:254\/64 dev br0 nodad$/m);
  assert.match(setNeighbours(lab, first), /^neigh replace fd77::10:77:0:13 lladdr 0a:58:0a:4d:00:0d /m);
  const network = { ...POD_NETWORK, ipv6: IPV6 };
  assert.match(setUpPodBridge(first, network), /^address add fd30:0:0:2b::1\/64 dev cni0 nodad$/m);
  assert.equal(
    setUpPod(network),
    'link set lo up\naddress add 172.30.71.2/24 dev eth0\naddress add fd30:0:0:2b::2/64 dev eth0 nodad\n' +
      'link set eth0 up\nroute add default via 172.30.71.1\nroute add default via fd30:0:0:2b::1\n',
  );
});

test('a switch that routes knows the host of each subnet, and the hosts know the switch', () => {
  const lab = plan(3, ['172.30.0.0/16', 'fd30::/56']);
  const [first] = lab.hosts;
  assert(first !== undefined);
  assert.equal(
    routeAtSwitch([{ host: first, network: { ...POD_NETWORK, ipv6: IPV6 } }]),
    'route replace 172.30.71.0/24 via 10.77.0.11 dev br0\nroute replace fd30:0:0:2b::/64 via fd77::10:77:0:11 dev br0\n',
  );
  assert.equal(
    routeToSwitch(lab),
    'route replace 172.30.0.0/16 via 10.77.255.254 dev eth0\nroute replace fd30::/56 via fd77::10:77:255:254 dev eth0\n',
  );
});
