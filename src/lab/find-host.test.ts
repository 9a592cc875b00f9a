import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { findHost, findNamespace } from './find-host.ts';
import { planLab } from './plan.ts';

const NONE = { address: 0, length: 16 };
const PLAN = planLab({
  name: 'blue',
  hosts: 3,
  subnet: parseIpv4Cidr('10.77.0.0/16') ?? NONE,
  podNetworks: [NONE],
  backend: 'vxlan',
  etcdApi: 'v3',
  masquerade: false,
  pods: 'namespace',
  document: '{}',
});

test('hosts, Pods and the switch are found by name', () => {
  assert.equal(findHost(PLAN, 'host2').address, '10.77.0.12');
  assert.equal(findNamespace(PLAN, 'host2'), 'weft-blue-host2');
  assert.equal(findNamespace(PLAN, 'pod3'), 'weft-blue-pod3');
  assert.equal(findNamespace(PLAN, 'switch'), 'weft-blue-switch');
});

test('a name that is near one is answered with it', () => {
  const near = (name: string) => ({ code: 'lab.host', why: `did you mean ${name}?` });
  assert.throws(() => findNamespace(PLAN, 'hots2'), near('host2'));
  assert.throws(() => findNamespace(PLAN, 'pod4'), near('pod1'));
  assert.throws(() => findHost(PLAN, 'master'), { code: 'lab.host', why: 'there are host1 to host3' });
});
