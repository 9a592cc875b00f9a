/**
 * Many hosts that acquire at once, on the in-memory etcd with random message times: every seed is another interleaving,
 * and a failing one is named in the message and replays.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { formatIpv4 } from '#model/ipv4.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type AcquiredLease, acquireLease } from './acquire.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import { attributesOf, ipOf, networkOf, seededRandom } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';

const PREFIX = '/coreos.com/network';

/** A network of exactly so many subnets. */
function networkOfSubnets(count: number): NetworkConfig {
  const last = formatIpv4(ipOf('10.5.0.0') + count * 256);
  return networkOf({ Network: '10.5.0.0/16', SubnetMin: '10.5.1.0', SubnetMax: last });
}

interface Run {
  readonly acquired: readonly AcquiredLease[];
  readonly faults: readonly Fault[];
  readonly tookMs: number;
  readonly etcd: MemoryEtcd;
}

interface RunOptions {
  readonly hosts: number;
  readonly subnets: number;
  readonly seed: number;
  /** A host is cut off for a while with that probability, and repeats the whole afterwards, as the agent does. */
  readonly cuts?: number;
}

async function run({ hosts, subnets, seed, cuts = 0 }: RunOptions): Promise<Run> {
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock, latencyMs: () => random() * 4 });
  const network = networkOfSubnets(subnets);
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  const acquired: AcquiredLease[] = [];
  const faults: Fault[] = [];
  let waiting = hosts;
  const host = async (index: number): Promise<void> => {
    const client = etcd.connect();
    const store = new EtcdLeaseStore({ etcd: client, prefix: PREFIX, clock });
    const attributes = attributesOf(formatIpv4(ipOf('10.77.0.0') + index + 1));
    if (random() < cuts) {
      clock.after(random() * 20, () => client.cut());
      clock.after(20 + random() * 20, () => client.heal());
    }
    for (;;) {
      try {
        acquired.push(await acquireLease({ store, network, attributes, ttlSeconds: 86_400, random, sleep }));
        break;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error.code === 'lease.network-full') {
          faults.push(error);
          break;
        }
        await sleep(10);
      }
    }
    store.close();
    waiting--;
  };
  const all = Promise.all(Array.from({ length: hosts }, (_, index) => host(index)));
  while (waiting > 0 && clock.now() < 60_000) {
    clock.advance(1);
    await turn();
  }
  assert.equal(waiting, 0, `seed ${seed}: ${waiting} hosts still wait after a minute`);
  await all;
  return { acquired, faults, tookMs: clock.now(), etcd };
}

function distinct(acquired: readonly AcquiredLease[]): number {
  return new Set(acquired.map(({ lease }) => formatSubnetKey(lease.subnet))).size;
}

for (const [count, mostAttempts] of [
  [30, 15],
  [200, 20],
] as const) {
  test(`${count} hosts at once in a network of exactly ${count} subnets all get one, each another, in few attempts`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { acquired } = await run({ hosts: count, subnets: count, seed });
      assert.equal(distinct(acquired), count, `seed ${seed}`);
      const most = Math.max(...acquired.map(({ attempts }) => attempts));
      assert.ok(most <= mostAttempts, `seed ${seed}: ${most} attempts`);
    }
  });
}

test('hosts that are cut off in the middle end up with exactly one lease each', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { acquired, etcd } = await run({ hosts: 30, subnets: 30, seed, cuts: 0.5 });
    assert.equal(distinct(acquired), 30, `seed ${seed}`);
    const stored = etcd.keyspace.range({ key: PREFIX, rangeEnd: `${PREFIX}~` });
    assert.equal(stored.count, 30, `seed ${seed}: a host left a second lease behind`);
  }
});

test('of more hosts than subnets exactly as many as there are subnets succeed, the others hear that it is full', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { acquired, faults } = await run({ hosts: 35, subnets: 30, seed });
    assert.equal(distinct(acquired), 30, `seed ${seed}`);
    assert.equal(faults.length, 5, `seed ${seed}`);
  }
});
