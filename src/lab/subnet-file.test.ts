import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, parseSubnetFile } from './subnet-file.ts';

test('the Pod gets the address after the gateway', () => {
  const text = 'FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=172.30.71.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n';
  assert.deepEqual(parseSubnetFile(text), {
    subnet: '172.30.71.0/24',
    gateway: '172.30.71.1/24',
    podAddress: '172.30.71.2/24',
    mtu: 1450,
  });
  assert.equal(addressOf('172.30.71.2/24'), '172.30.71.2');
});

test('a file that a Pod cannot be made from is none', () => {
  for (const text of [
    '',
    'FLANNEL_SUBNET=172.30.71.1/24\n',
    'FLANNEL_SUBNET=172.30.71.1/31\nFLANNEL_MTU=1450\n',
    'FLANNEL_SUBNET=172.30.71.1/24\nFLANNEL_MTU=-1\n',
    'FLANNEL_SUBNET=;reboot\nFLANNEL_MTU=1450\n',
  ]) {
    assert.equal(parseSubnetFile(text), undefined, text);
  }
});
