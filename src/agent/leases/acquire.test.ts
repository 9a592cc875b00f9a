import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type AcquiredLease, type AcquireRequest, acquireLease } from './acquire.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import { attributesOf, dualAttributesOf, ipOf, leaseOf, networkOf, seededRandom, subnetOf } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';
import type { LeaseStore } from './store.ts';

const PREFIX = '/coreos.com/network';
const NETWORK = networkOf({ Network: '10.5.0.0/16', SubnetMax: '10.5.4.0' });
const OWN = attributesOf('10.77.0.11');
const DAY = 86_400;

class Bench {
  readonly clock = new ManualClock();
  readonly etcd = new MemoryEtcd({ clock: this.clock });
  readonly store = new EtcdLeaseStore({ etcd: this.etcd.connect(), prefix: PREFIX, clock: this.clock });
  readonly pausesMs: number[] = [];

  acquire(more: Partial<AcquireRequest> = {}): Promise<AcquiredLease> {
    return acquireLease({
      store: this.store,
      network: NETWORK,
      attributes: OWN,
      ttlSeconds: DAY,
      random: seededRandom(1),
      sleep: async (ms) => void this.pausesMs.push(ms),
      ...more,
    });
  }

  /** A lease of another host, or one that we had before. */
  async leased(subnet: string, publicIp: string, mac?: string): Promise<Lease> {
    const lease = await this.store.create(subnetOf(subnet), attributesOf(publicIp, mac), DAY);
    assert.ok(lease !== 'taken');
    return lease;
  }

  reserve(subnet: string, publicIp: string): void {
    this.etcd.putRaw(`${PREFIX}/subnets/${subnet}`, `{"PublicIP":"${publicIp}"}`);
  }

  async keys(): Promise<readonly string[]> {
    const { leases } = await this.store.list();
    return leases.map((lease) => formatSubnetKey(lease.subnet));
  }
}

test('a host that has no lease gets a free subnet, at the first attempt', async () => {
  const bench = new Bench();
  const other = await bench.leased('10.5.1.0-24', '10.77.0.12');
  const acquired = await bench.acquire();
  assert.equal(acquired.how, 'allocated');
  assert.equal(acquired.attempts, 1);
  assert.notEqual(formatSubnetKey(acquired.lease.subnet), '10.5.1.0-24');
  assert.deepEqual(acquired.snapshot.leases, [other, acquired.lease]);
  assert.ok(
    acquired.snapshot.revision < acquired.lease.modified,
    'a watch from there sees our own write and what came before',
  );
});

test('a host finds its lease by its PublicIP and renews it', async () => {
  const bench = new Bench();
  const before = await bench.leased('10.5.3.0-24', '10.77.0.11');
  const acquired = await bench.acquire({ previous: subnetOf('10.5.1.0-24') });
  assert.equal(acquired.how, 'renewed');
  assert.equal(acquired.lease.created, before.created);
  assert.ok(acquired.lease.modified > before.modified);
  assert.deepEqual(acquired.snapshot.leases, [acquired.lease]);
});

test('a reservation is taken up and stays one', async () => {
  const bench = new Bench();
  bench.reserve('10.5.2.0-24', '10.77.0.11');
  const acquired = await bench.acquire();
  assert.equal(acquired.how, 'renewed');
  assert.ok(acquired.lease.reservation);
  assert.ok((await bench.store.list()).leases[0]?.reservation);
});

test('an own lease that does not fit the network is given up for one that does', async () => {
  for (const misfit of ['10.5.9.0-24', '10.5.2.0-25', '10.6.1.0-24', '10.5.2.0-24&fd00::-64']) {
    const bench = new Bench();
    const old = await bench.leased(misfit, '10.77.0.11');
    const acquired = await bench.acquire();
    // What the network still hands out of it is kept: Pods run in it.
    assert.equal(acquired.how, misfit.includes('&') ? 'reclaimed' : 'allocated', misfit);
    assert.deepEqual(acquired.released, [old]);
    assert.deepEqual(await bench.keys(), [formatSubnetKey(acquired.lease.subnet)]);
  }
});

test("a reservation that does not fit is the operator's: it stays and is reported", async () => {
  const bench = new Bench();
  bench.reserve('10.5.9.0-24', '10.77.0.11');
  const acquired = await bench.acquire();
  assert.equal(acquired.how, 'allocated');
  assert.deepEqual(acquired.released, []);
  assert.deepEqual(
    acquired.duplicates.map((lease) => formatSubnetKey(lease.subnet)),
    ['10.5.9.0-24'],
  );
});

test('of two leases with our PublicIP the older claim is kept, the other is reported and untouched', async () => {
  const bench = new Bench();
  const older = await bench.leased('10.5.4.0-24', '10.77.0.11');
  const younger = await bench.leased('10.5.1.0-24', '10.77.0.11');
  const acquired = await bench.acquire();
  assert.deepEqual(acquired.lease.subnet, older.subnet);
  assert.deepEqual(acquired.duplicates, [younger]);
  assert.deepEqual(await bench.keys(), ['10.5.1.0-24', '10.5.4.0-24']);
});

test('of two leases with our PublicIP the one that fits is kept', async () => {
  const bench = new Bench();
  await bench.leased('10.5.9.0-24', '10.77.0.11');
  const fitting = await bench.leased('10.5.1.0-24', '10.77.0.11');
  assert.deepEqual((await bench.acquire()).lease.subnet, fitting.subnet);
});

test('the previous subnet is taken again when it is free', async () => {
  const bench = new Bench();
  await bench.leased('10.5.1.0-24', '10.77.0.12');
  const acquired = await bench.acquire({ previous: subnetOf('10.5.4.0-24') });
  assert.equal(acquired.how, 'reclaimed');
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.4.0-24');
});

test('a host whose address changed while no agent ran keeps its subnet: the record there has its MAC', async () => {
  const bench = new Bench();
  await bench.leased('10.5.4.0-24', '10.77.0.12');
  const { lease, how } = await bench.acquire({ previous: subnetOf('10.5.4.0-24') });
  assert.equal(how, 'renewed');
  assert.equal(formatSubnetKey(lease.subnet), '10.5.4.0-24');
  assert.equal(lease.attributes.publicIp, ipOf('10.77.0.11'));
  assert.equal((await bench.store.list()).leases.length, 1);
});

test('the previous subnet is never taken from another host, not even a part of it', async () => {
  for (const taken of ['10.5.4.0-24', '10.5.4.128-25', '10.5.4.0-22']) {
    const bench = new Bench();
    const other = await bench.leased(taken, '10.77.0.12', '8a:00:00:00:00:12');
    const acquired = await bench.acquire({ previous: subnetOf('10.5.4.0-24') });
    assert.equal(acquired.how, 'allocated', taken);
    assert.notEqual(formatSubnetKey(acquired.lease.subnet), '10.5.4.0-24');
    assert.deepEqual(
      (await bench.store.list()).leases.find((lease) => lease.attributes.publicIp === ipOf('10.77.0.12')),
      other,
    );
  }
});

test('a previous subnet that does not fit the network is not taken', async () => {
  for (const previous of ['10.5.4.0-25', '10.5.9.0-24', '10.6.1.0-24', '10.5.3.7-24']) {
    const acquired = await new Bench().acquire({ previous: subnetOf(previous) });
    assert.equal(acquired.how, 'allocated', previous);
  }
});

test('a subnet whose record is junk is passed by, for it can be created by nobody', async () => {
  const bench = new Bench();
  for (const subnet of ['10.5.1.0-24', '10.5.2.0-24', '10.5.4.0-24'])
    bench.etcd.putRaw(`${PREFIX}/subnets/${subnet}`, 'junk');
  const acquired = await bench.acquire();
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.3.0-24');
  assert.equal(acquired.attempts, 1);
});

test("junk on the key of the previous subnet is written anew, for it is nobody else's claim", async () => {
  const bench = new Bench();
  bench.etcd.putRaw(`${PREFIX}/subnets/10.5.4.0-24`, 'junk');
  const acquired = await bench.acquire({ previous: subnetOf('10.5.4.0-24') });
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.4.0-24');
  assert.equal(acquired.how, 'reclaimed');
});

test('a subnet that contains the PublicIP of a host is not allocated', async () => {
  const bench = new Bench();
  await bench.leased('10.5.1.0-24', '10.5.2.9');
  const acquired = await bench.acquire({ hostAddresses: [ipOf('10.5.4.1')] });
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.3.0-24');
});

test('a full network is a Fault that says how many subnets there are and who has them', async () => {
  const bench = new Bench();
  for (const index of [1, 2, 3]) await bench.leased(`10.5.${index}.0-24`, `10.77.0.${20 + index}`);
  bench.etcd.putRaw(`${PREFIX}/subnets/10.5.4.0-24`, 'junk');
  await assert.rejects(bench.acquire(), (error) => {
    assert.ok(error instanceof Fault);
    assert.equal(error.code, 'lease.network-full');
    assert.equal(
      error.message,
      'the network 10.5.0.0/16 with SubnetLen 24 has 4 subnets (10.5.1.0 to 10.5.4.0), ' +
        'and 3 of them are leased, 1 blocked by records that cannot be read',
    );
    return true;
  });
});

test('a listing of before is enough to begin with, but not to call the network full', async () => {
  const bench = new Bench();
  const leases = [];
  for (const index of [1, 2, 3, 4]) leases.push(await bench.leased(`10.5.${index}.0-24`, `10.77.0.${20 + index}`));
  const snapshot = await bench.store.list();
  const [first] = leases;
  assert.ok(first !== undefined);
  await bench.store.release(first);
  const acquired = await bench.acquire({ snapshot });
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.1.0-24');
  assert.equal(acquired.attempts, 2);
});

test('a given listing saves listing', async () => {
  const bench = new Bench();
  const snapshot = await bench.store.list();
  let listed = 0;
  const acquired = await bench.acquire({ snapshot, store: counting(bench.store, () => listed++) });
  assert.equal(acquired.how, 'allocated');
  assert.equal(listed, 0);
});

test('a lost race is repeated with fresh knowledge, after pauses that grow', async () => {
  const bench = new Bench();
  const snapshot = await bench.store.list();
  let races = 0;
  const store: LeaseStore = {
    ...forwarding(bench.store),
    async create(subnet, attributes, ttlSeconds) {
      if (races++ < 3) await bench.leased(formatSubnetKey(subnet), `10.77.0.${100 + races}`);
      return bench.store.create(subnet, attributes, ttlSeconds);
    },
  };
  const acquired = await bench.acquire({ store, snapshot, random: () => 0.999 });
  assert.equal(acquired.attempts, 4);
  assert.deepEqual(
    bench.pausesMs.map((ms) => Math.round(ms)),
    [10, 20, 40],
  );
  assert.equal(new Set(await bench.keys()).size, 4);
});

test('an own lease that is rewritten during renewal is looked at anew', async () => {
  const bench = new Bench();
  await bench.leased('10.5.1.0-24', '10.77.0.11');
  const snapshot = await bench.store.list();
  bench.reserve('10.5.1.0-24', '10.77.0.99');
  const acquired = await bench.acquire({ snapshot });
  assert.equal(acquired.how, 'allocated');
  assert.notEqual(formatSubnetKey(acquired.lease.subnet), '10.5.1.0-24');
});

test('two dual-stack hosts never keep the same IPv4 subnet with different IPv6 ones', async () => {
  const network = networkOf({
    Network: '10.5.0.0/16',
    SubnetMax: '10.5.2.0',
    EnableIPv6: true,
    IPv6Network: 'fc00::/56',
  });
  const bench = new Bench();
  const snapshot = await bench.store.list();
  await bench.leased('10.5.1.0-24&fc00:0:0:9::-64', '10.77.0.12');
  // Chance leads to 10.5.1.0 again, with another IPv6 subnet: another key, so create-if-absent alone would let it pass.
  const acquired = await bench.acquire({ network, snapshot, random: () => 0 });
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.2.0-24&fc00:0:0:1::-64');
  assert.equal((await bench.keys()).length, 2);
});

test('a v4-only lease becomes a dual-stack one when IPv6 is turned on', async () => {
  const bench = new Bench();
  const old = await bench.leased('10.5.1.0-24', '10.77.0.11');
  await bench.leased('10.5.2.0-24', '10.77.0.12');
  const network = networkOf({
    Network: '10.5.0.0/16',
    SubnetMax: '10.5.2.0',
    EnableIPv6: true,
    IPv6Network: 'fc00::/62',
  });
  const acquired = await bench.acquire({ network });
  assert.deepEqual(acquired.released, [old]);
  assert.match(formatSubnetKey(acquired.lease.subnet), /^10\.5\.1\.0-24&fc00:0:0:[123]::-64$/);
});

const DUAL = networkOf({ Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fd10::/48' });
const IPV6_ALONE = networkOf({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd10::/48' });

test('a network of IPv6 alone is leased from, and the lease is found again by PublicIPv6', async () => {
  const bench = new Bench();
  const attributes = dualAttributesOf('0.0.0.0', 'fd00:77::11');
  const first = await bench.acquire({ network: IPV6_ALONE, attributes });
  assert.match(formatSubnetKey(first.lease.subnet), /^fd10:0:0:[\da-f]+::-64$/);
  const again = await bench.acquire({ network: IPV6_ALONE, attributes });
  assert.equal(again.how, 'renewed');
  assert.deepEqual(again.lease.subnet, first.lease.subnet);
  const other = await bench.acquire({ network: IPV6_ALONE, attributes: dualAttributesOf('0.0.0.0', 'fd00:77::12') });
  assert.notDeepEqual(other.lease.subnet, first.lease.subnet);
  assert.equal((await bench.keys()).length, 2);
});

test('a fleet that gets IPv6 keeps its IPv4 subnets, by its lease or by its file', async () => {
  const bench = new Bench();
  const old = await bench.leased('10.5.7.0-24', '10.77.0.11');
  const attributes = dualAttributesOf('10.77.0.11', 'fd00:77::11');
  const acquired = await bench.acquire({ network: DUAL, attributes });
  assert.deepEqual(acquired.released, [old]);
  assert.match(formatSubnetKey(acquired.lease.subnet), /^10\.5\.7\.0-24&fd10:/);
  const other = await bench.acquire({
    network: DUAL,
    attributes: dualAttributesOf('10.77.0.12', 'fd00:77::12'),
    previous: subnetOf('10.5.8.0-24'),
  });
  assert.match(formatSubnetKey(other.lease.subnet), /^10\.5\.8\.0-24&fd10:/);
  assert.equal(other.how, 'reclaimed');
});

test("the store's Faults pass through", async () => {
  const bench = new Bench();
  bench.etcd.stop();
  await assert.rejects(bench.acquire(), (error) => error instanceof Fault && error.code === 'etcd.tcp');
});

test('the number of own leases kept apart from peers: only those with our PublicIP are ours', async () => {
  const bench = new Bench();
  const foreign = leaseOf('10.5.1.0-24', '10.77.0.12', { created: 2 });
  const snapshot = { revision: 2, leases: [foreign], rejected: [] };
  const acquired = await bench.acquire({ snapshot });
  assert.deepEqual(acquired.duplicates, []);
});

function forwarding(store: LeaseStore): LeaseStore {
  return {
    config: () => store.config(),
    list: () => store.list(),
    prepareGrant: (ttlSeconds) => store.prepareGrant(ttlSeconds),
    create: (subnet, attributes, ttlSeconds) => store.create(subnet, attributes, ttlSeconds),
    renew: (own, attributes, ttlSeconds) => store.renew(own, attributes, ttlSeconds),
    release: (own) => store.release(own),
    watch: (revision, listener) => store.watch(revision, listener),
    close: () => store.close(),
  };
}

function counting(store: LeaseStore, listed: () => void): LeaseStore {
  return {
    ...forwarding(store),
    list() {
      listed();
      return store.list();
    },
  };
}

test('a subnet that Pods run in and another host has: no other is taken, and the fault names both claims', async () => {
  const bench = new Bench();
  const rival = await bench.leased('10.5.2.0-24', '10.77.0.12', '8a:00:00:00:00:12');
  const previous = subnetOf('10.5.2.0-24');
  const snapshot = await bench.store.list();
  await assert.rejects(bench.acquire({ previous, held: true, snapshot }), {
    code: 'lease.contested',
    message: 'the subnet 10.5.2.0-24, which this host (10.77.0.11) uses, is leased to 10.77.0.12 now',
  });
  assert.deepEqual((await bench.store.list()).leases, [rival]);
});

test('a listing that is old is not enough to call a subnet contested', async () => {
  const bench = new Bench();
  const rival = await bench.leased('10.5.2.0-24', '10.77.0.12');
  const snapshot = await bench.store.list();
  await bench.store.release(rival);
  const acquired = await bench.acquire({ previous: subnetOf('10.5.2.0-24'), held: true, snapshot });
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.2.0-24');
  assert.equal(acquired.how, 'reclaimed');
});

test('a held subnet that is not of the network any more is no claim', async () => {
  const bench = new Bench();
  await bench.leased('10.5.9.0-24', '10.77.0.12');
  const acquired = await bench.acquire({ previous: subnetOf('10.5.9.0-24'), held: true });
  assert.equal(acquired.how, 'allocated');
});

test('the record that we wrote is ours also with another address, as long as nobody else wrote it', async () => {
  const bench = new Bench();
  const recorded = await bench.leased('10.5.2.0-24', '10.77.0.11');
  const attributes = attributesOf('10.77.0.55');
  const previous = recorded.subnet;
  const acquired = await bench.acquire({ attributes, recorded, previous, held: true });
  assert.equal(acquired.how, 'renewed');
  assert.equal(acquired.lease.created, recorded.created);
  assert.equal((await bench.store.list()).leases.length, 1);
  await bench.store.release(acquired.lease);
  await bench.leased('10.5.2.0-24', '10.77.0.11', '8a:00:00:00:00:12');
  await assert.rejects(bench.acquire({ attributes, recorded, previous, held: true }), { code: 'lease.contested' });
});

test('of two leases of ours the one is renewed that Pods run in', async () => {
  const bench = new Bench();
  await bench.leased('10.5.1.0-24', '10.77.0.11');
  await bench.leased('10.5.2.0-24', '10.77.0.11');
  const acquired = await bench.acquire({ previous: subnetOf('10.5.2.0-24'), held: true });
  assert.equal(formatSubnetKey(acquired.lease.subnet), '10.5.2.0-24');
  assert.equal(acquired.duplicates.length, 1);
});

test('a host whose Pods run in a subnet without a key claims that one, and gives up a lease that a clone left elsewhere', async () => {
  const bench = new Bench();
  await bench.leased('10.5.1.0-24', '10.77.0.11');
  const acquired = await bench.acquire({ previous: subnetOf('10.5.4.0-24'), held: true });
  assert.equal(acquired.how, 'reclaimed');
  assert.deepEqual(await bench.keys(), ['10.5.4.0-24']);
});

test('a lease that a clone left elsewhere is no reason to move Pods whose subnet another host has', async () => {
  const bench = new Bench();
  await bench.leased('10.5.3.0-24', '10.77.0.11');
  await bench.leased('10.5.4.0-24', '10.77.0.12', '8a:00:00:00:00:12');
  await assert.rejects(bench.acquire({ previous: subnetOf('10.5.4.0-24'), held: true }), { code: 'lease.contested' });
  assert.equal((await bench.store.list()).leases.length, 2, 'nothing is given up');
  const { lease } = await bench.acquire({ previous: subnetOf('10.5.4.0-24') });
  assert.equal(formatSubnetKey(lease.subnet), '10.5.3.0-24');
});

test('what looks like ours and another machine wrote is left to it, after a fresh listing', async () => {
  const bench = new Bench();
  await bench.leased('10.5.4.0-24', '10.77.0.12');
  let asked = 0;
  const isOthers = async (): Promise<boolean> => {
    asked += 1;
    await bench.leased('10.5.8.0-24', '10.77.0.13', '8a:00:00:00:00:13');
    return true;
  };
  const { lease, snapshot } = await bench.acquire({ previous: subnetOf('10.5.4.0-24'), isOthers });
  assert.equal(asked, 1);
  assert.notEqual(formatSubnetKey(lease.subnet), '10.5.4.0-24');
  assert.equal(snapshot.leases.length, 3, 'a peer that came meanwhile is in it');
});

test('a record that a backup brought back is known by its revisions, whatever address and MAC it has', async () => {
  const bench = new Bench();
  const old = await bench.leased('10.5.4.0-24', '10.77.0.12', '8a:00:00:00:00:12');
  const recorded = { ...old, attributes: OWN, modified: old.modified + 5 };
  const acquired = await bench.acquire({ previous: old.subnet, held: true, recorded });
  assert.equal(acquired.how, 'renewed');
  assert.deepEqual(await bench.keys(), ['10.5.4.0-24']);
});
