import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { parseCidr } from '#model/ip.ts';
import { labEnvironment } from './lab-environment.ts';
import { type LabPlan, planLab } from './plan.ts';
import type { LabState } from './state.ts';

function stateOf(plan: LabPlan): LabState {
  const maker = { pid: 1, startTime: '1' };
  return { version: 1, id: 'x', createdAt: '', phase: 'up', maker, plan, namespaces: {}, processes: [] };
}

const STATE = stateOf(
  planLab({
    name: 'blue',
    hosts: 3,
    subnet: parseIpv4Cidr('10.77.0.0/16') ?? assert.fail(),
    podNetworks: [parseCidr('172.30.0.0/16') ?? assert.fail()],
    backend: 'vxlan',
    etcdApi: 'v3',
    masquerade: false,
    pods: 'namespace',
    document: '{}',
  }),
);

test('on a host weft asks the agent of that host', () => {
  const environment = labEnvironment(STATE, 'host2', { HOME: '/root' });
  assert.equal(environment['WEFT_CONTROL_SOCKET'], '/run/weft/lab/blue/host2/agent.sock');
  assert.equal(environment['HOME'], '/root');
});

test('in a Pod and at the switch there is no agent, whatever the shell around it has', () => {
  for (const where of ['pod2', 'switch']) {
    const environment = labEnvironment(STATE, where, { WEFT_CONTROL_SOCKET: '/run/weft/lab/blue/host1/agent.sock' });
    assert.equal(environment['WEFT_CONTROL_SOCKET'], undefined);
  }
});
