import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { networkDocument, planLab, plannedNamespaces, roomForHosts } from './plan.ts';
import {
  connectPorts,
  makeNamespaces,
  plugHosts,
  setNeighbours,
  setUpHost,
  setUpPod,
  setUpPodBridge,
  setUpSwitch,
} from './wiring.ts';

const cidr = (text: string) => parseIpv4Cidr(text) ?? assert.fail(text);

function plan(hosts: number) {
  const podNetwork = cidr('172.30.0.0/16');
  const document = networkDocument(podNetwork, 'vxlan');
  return planLab({ name: 'blue', hosts, subnet: cidr('10.77.0.0/16'), podNetwork, backend: 'vxlan', document });
}

const POD_NETWORK = { subnet: '172.30.71.0/24', gateway: '172.30.71.1/24', podAddress: '172.30.71.2/24', mtu: 1450 };

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

test('the network document is the text that an operator would write', () => {
  assert.equal(plan(3).document, '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan"}}');
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
    setUpPod('172.30.71.2/24', '172.30.71.1'),
    'link set lo up\naddress add 172.30.71.2/24 dev eth0\nlink set eth0 up\nroute add default via 172.30.71.1\n',
  );
  assert.equal(
    setNeighbours(lab, first),
    'neigh replace 10.77.0.12 lladdr 0a:58:0a:4d:00:0c dev eth0 nud permanent\n' +
      'neigh replace 10.77.0.13 lladdr 0a:58:0a:4d:00:0d dev eth0 nud permanent\n',
  );
});
