import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog } from '#runtime/log.ts';
import { FastPath } from './fast-path.ts';
import { MemoryPathKernel } from './memory-path-kernel.ts';
import type { Surroundings } from './path-kernel.ts';

const FABRIC = {
  network: { address: 0x0a05_0000, length: 16 },
  subnet: { address: 0x0a05_0100, length: 24 },
  device: 'flannel.1',
};
const PODS: Surroundings = {
  tunnel: 4,
  obstacle: undefined,
  bridges: [
    {
      index: 3,
      name: 'cni0',
      mac: '02:00:00:00:00:01',
      ports: [
        { index: 7, name: 'veth7', obstacle: undefined },
        { index: 8, name: 'veth8', obstacle: 'it is down' },
      ],
      neighbors: [{ address: 0x0a05_0102, mac: '02:00:00:00:00:aa' }],
      learned: [{ port: 7, mac: '02:00:00:00:00:aa' }],
      obstacle: undefined,
    },
  ],
};

class Bench {
  readonly clock = new ManualClock();
  readonly kernels: MemoryPathKernel[] = [];
  objections: readonly string[] = [];
  looks = 0;
  log = '';
  refusal: Fault | undefined;
  firewallChanged: () => void = () => undefined;
  readonly path = new FastPath({
    openKernel: () => {
      const kernel = new MemoryPathKernel();
      kernel.surroundings = PODS;
      kernel.refusal = this.refusal;
      this.kernels.push(kernel);
      return kernel;
    },
    lookAtFirewall: () => {
      this.looks += 1;
      return Promise.resolve(this.objections);
    },
    watchFirewall: (listener) => {
      this.firewallChanged = listener;
      return () => undefined;
    },
    clock: this.clock,
    log: createLog({
      verbose: false,
      journal: false,
      write: (line) => {
        this.log += line;
      },
      now: () => 0,
    }),
  });

  get kernel(): MemoryPathKernel {
    const kernel = this.kernels.at(-1);
    assert(kernel !== undefined);
    return kernel;
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    for (let at = 0; at < 5; at += 1) await turn();
  }
}

async function standing(): Promise<Bench> {
  const bench = new Bench();
  bench.path.follow(FABRIC);
  await bench.pass(0);
  assert.equal(bench.path.report().state, 'on', bench.log);
  return bench;
}

test('before anything is wanted nothing is opened', async () => {
  const bench = new Bench();
  bench.path.follow(undefined);
  await bench.pass(60_000);
  assert.equal(bench.kernels.length, 0);
  assert.deepEqual(bench.path.report(), { state: 'starting', pods: [] });
});

test('Pods are served, and the report says which and why not the others', async () => {
  const bench = await standing();
  assert.deepEqual(bench.path.report().pods, [
    { device: 'veth7', addresses: ['10.5.1.2'], path: 'fast' },
    { device: 'veth8', addresses: [], path: 'ordinary', reason: 'it is down' },
  ]);
  assert.equal(bench.kernel.observe().attached.size, 2);
  assert.match(bench.log, /fast path in use/);
});

test('another backend is refused with the reason, and no kernel is opened for it', async () => {
  const bench = new Bench();
  bench.path.follow({ refused: 'the backend is host-gw' });
  await bench.pass(0);
  assert.equal(bench.path.report().state, 'refused');
  assert.equal(bench.path.report().reason, 'the backend is host-gw');
  assert.equal(bench.kernels.length, 0);
  assert.match(bench.log, /level=warn .*host-gw/);
});

test('an objection of the firewall takes it away at once, is logged once, and its end brings it back', async () => {
  const bench = await standing();
  bench.objections = ['filter FORWARD has the rule -j DROP'];
  bench.firewallChanged();
  await bench.pass(1_000);
  assert.equal(bench.path.report().state, 'refused');
  assert.equal(bench.path.report().pods[0]?.path, 'ordinary');
  assert.equal(bench.kernel.observe().attached.size, 0);
  await bench.pass(30_000);
  assert.equal(bench.log.match(/not in use/g)?.length, 1);
  bench.objections = [];
  bench.firewallChanged();
  await bench.pass(1_000);
  assert.equal(bench.path.report().state, 'on');
});

test('an objection that no event told of is found within half a minute', async () => {
  const bench = await standing();
  bench.objections = ['a rule of iptables-legacy'];
  await bench.pass(30_000);
  assert.equal(bench.path.report().state, 'refused');
});

test('Pods that come and go do not have the firewall read again', async () => {
  const bench = await standing();
  const { looks } = bench;
  bench.kernel.surroundings = { ...PODS, bridges: [] };
  bench.kernel.announce();
  await bench.pass(50);
  assert.deepEqual(bench.path.report().pods, []);
  assert.equal(bench.kernel.observe().endpoints.length, 0);
  assert.equal(bench.looks, looks);
});

test('changes without end do not put it off for ever', async () => {
  const bench = await standing();
  bench.kernel.surroundings = { ...PODS, bridges: [] };
  for (let ms = 0; ms < 100; ms += 10) {
    bench.kernel.announce();
    await bench.pass(10);
  }
  assert.deepEqual(bench.path.report().pods, []);
});

test('what somebody else changed is repaired and told; what we change is not called so', async () => {
  const bench = await standing();
  assert.doesNotMatch(bench.log, /by somebody/);
  bench.kernel.apply([{ type: 'detach', device: 7 }]);
  await bench.pass(30_000);
  assert.equal(bench.kernel.observe().attached.get(7), 'from_pod');
  assert.match(bench.log, /changed by somebody, repaired.*attach from_pod to device 7/);
});

test('a kernel that cannot is told once, leaves nothing, and is tried again', async () => {
  const bench = new Bench();
  bench.refusal = new Fault('kernel.bpf', { what: 'the kernel has no type information (BTF)' });
  bench.path.follow(FABRIC);
  await bench.pass(0);
  assert.equal(bench.path.report().state, 'refused');
  assert.match(bench.path.report().reason ?? '', /no type information/);
  assert(bench.kernel.closed);
  await bench.pass(30_000);
  assert.equal(bench.log.match(/not in use/g)?.length, 1);
  bench.refusal = undefined;
  await bench.pass(30_000);
  assert.equal(bench.path.report().state, 'on');
});

test('traffic control on the tunnel, and a tunnel that is not there, are reasons', async () => {
  const bench = await standing();
  bench.kernel.surroundings = { ...PODS, obstacle: 'flannel.1 has traffic control at its ingress' };
  bench.kernel.announce();
  await bench.pass(50);
  assert.match(bench.path.report().reason ?? '', /traffic control/);
  bench.kernel.surroundings = { ...PODS, tunnel: undefined };
  bench.kernel.announce();
  await bench.pass(50);
  assert.equal(bench.path.report().reason, 'the device flannel.1 is not there');
});

test('stopped, it detaches everything and does nothing more', async () => {
  const bench = await standing();
  bench.path.stop();
  assert(bench.kernel.closed);
  bench.path.follow({ ...FABRIC, device: 'flannel.2' });
  await bench.pass(60_000);
  assert.equal(bench.kernels.length, 1);
});

test('stopped in the middle of a look, it changes nothing more', async () => {
  const bench = await standing();
  bench.kernel.announce();
  bench.firewallChanged();
  bench.clock.advance(1_000);
  bench.path.stop();
  for (let at = 0; at < 5; at += 1) await turn();
  assert(bench.kernel.closed);
  assert.equal(bench.kernel.observe().attached.size, 0);
  assert.equal(bench.kernels.length, 1);
});
