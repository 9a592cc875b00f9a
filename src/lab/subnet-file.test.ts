import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, parseSubnetFile, subnetsOf } from './subnet-file.ts';

test('the Pod gets the address after the gateway', () => {
  const text = 'FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=172.30.71.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n';
  assert.deepEqual(parseSubnetFile(text), {
    ipv4: { subnet: '172.30.71.0/24', gateway: '172.30.71.1/24', podAddress: '172.30.71.2/24' },
    mtu: 1450,
  });
  assert.equal(addressOf('172.30.71.2/24'), '172.30.71.2');
});

test('a Pod has an address of each family in the file, or of IPv6 alone', () => {
  const ipv6 = 'FLANNEL_IPV6_NETWORK=fd30::/56\nFLANNEL_IPV6_SUBNET=fd30:0:0:2b::1/64\nFLANNEL_MTU=1430\n';
  const subnet = { subnet: 'fd30:0:0:2b::/64', gateway: 'fd30:0:0:2b::1/64', podAddress: 'fd30:0:0:2b::2/64' };
  assert.deepEqual(parseSubnetFile(ipv6), { ipv6: subnet, mtu: 1430 });
  const both = parseSubnetFile(`FLANNEL_SUBNET=172.30.71.1/24\n${ipv6}`) ?? assert.fail();
  assert.deepEqual(
    subnetsOf(both).map(({ podAddress }) => addressOf(podAddress)),
    ['172.30.71.2', 'fd30:0:0:2b::2'],
  );
});

test('a file that a Pod cannot be made from is none', () => {
  for (const text of [
    '',
    'FLANNEL_SUBNET=172.30.71.1/24\n',
    'FLANNEL_IPV6_SUBNET=fd30:0:0:2b::1/127\nFLANNEL_MTU=1450\n',
    'FLANNEL_SUBNET=172.30.71.1/31\nFLANNEL_MTU=1450\n',
    'FLANNEL_SUBNET=172.30.71.1/24\nFLANNEL_MTU=-1\n',
    'FLANNEL_SUBNET=;reboot\nFLANNEL_MTU=1450\n',
  ]) {
    assert.equal(parseSubnetFile(text), undefined, text);
  }
});
