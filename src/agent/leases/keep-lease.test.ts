import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { ManualClock } from '#runtime/clock.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import { keepLease } from './keep-lease.ts';
import { attributesOf, dualAttributesOf, subnetOf } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';

const PREFIX = '/coreos.com/network';
const DAY = 86_400;
const OWN = attributesOf('10.77.0.11');
const KEY = '10.5.1.0-24';

class Bench {
  readonly clock = new ManualClock();
  readonly etcd = new MemoryEtcd({ clock: this.clock });
  readonly store = new EtcdLeaseStore({ etcd: this.etcd.connect(), prefix: PREFIX, clock: this.clock });

  async leased(key: string, attributes: LeaseAttributes): Promise<Lease> {
    const lease = await this.store.create(subnetOf(key), attributes, DAY);
    assert.ok(lease !== 'taken');
    return lease;
  }

  put(key: string, value: string): void {
    this.etcd.putRaw(`${PREFIX}/subnets/${key}`, value);
  }

  remove(key: string): void {
    this.etcd.deleteRaw(`${PREFIX}/subnets/${key}`);
  }

  keep(own: Lease, attributes = OWN): Promise<Lease> {
    return keepLease(this.store, own, attributes, DAY);
  }
}

test('a lease that stands is renewed', async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  const kept = await bench.keep(own);
  assert.equal(kept.created, own.created);
  assert.ok(kept.modified > own.modified);
});

test('a key that is gone is made again, of the same subnet', async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  bench.remove(KEY);
  const kept = await bench.keep(own);
  assert.equal(formatSubnetKey(kept.subnet), KEY);
  assert.ok(kept.created > own.created);
});

test('a subnet that is held without a key gets one as soon as it is free', async () => {
  const bench = new Bench();
  const held: Lease = { subnet: subnetOf(KEY), attributes: OWN, reservation: false, created: 0, modified: 0 };
  const kept = await bench.keep(held);
  assert.ok(kept.created > 0);
  assert.equal(kept.created, kept.modified);
});

test("another host's claim is not overwritten, and the fault names both", async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  bench.remove(KEY);
  const rival = await bench.leased(KEY, attributesOf('10.77.0.12', '8a:00:00:00:00:12'));
  await assert.rejects(bench.keep(own), {
    code: 'lease.contested',
    where: KEY,
    message: 'the subnet 10.5.1.0-24, which this host (10.77.0.11) uses, is leased to 10.77.0.12 now',
    why:
      `its claim was created at revision ${rival.created}, last written at ${rival.modified}; ` +
      `ours (created at revision ${own.created}, last written at ${own.modified}) has expired, or was removed or overwritten`,
  });
  assert.deepEqual((await bench.store.list()).leases, [rival]);
});

test('a claim of another host that overlaps ours in part is not overwritten either', async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  bench.remove(KEY);
  const rival = await bench.leased('10.5.1.128-25', attributesOf('10.77.0.12'));
  await assert.rejects(bench.keep(own), { code: 'lease.contested', where: '10.5.1.128-25' });
  assert.deepEqual((await bench.store.list()).leases, [rival]);
});

test('in dual stack one family that another host has is enough', async () => {
  const bench = new Bench();
  const attributes = dualAttributesOf('10.77.0.11', 'fd00:77::11');
  const own = await bench.leased('10.5.1.0-24&fd00:5:1::-64', attributes);
  bench.remove('10.5.1.0-24&fd00:5:1::-64');
  await bench.leased('10.5.2.0-24&fd00:5:1::-64', dualAttributesOf('10.77.0.12', 'fd00:77::12'));
  await assert.rejects(bench.keep(own, attributes), { code: 'lease.contested' });
});

test('in dual stack a claim that was made at the same moment gives way to the older one', async () => {
  const bench = new Bench();
  const attributes = dualAttributesOf('10.77.0.11', 'fd00:77::11');
  const own = await bench.leased('10.5.1.0-24&fd00:5:1::-64', attributes);
  bench.remove('10.5.1.0-24&fd00:5:1::-64');
  const create = bench.store.create.bind(bench.store);
  let raced = false;
  bench.store.create = async (...request) => {
    if (!raced) await create(subnetOf('10.5.2.0-24&fd00:5:1::-64'), dualAttributesOf('10.77.0.12', 'fd00:77::12'), DAY);
    raced = true;
    return create(...request);
  };
  await assert.rejects(bench.keep(own, attributes), { code: 'lease.contested' });
  assert.equal((await bench.store.list()).leases.length, 1);
});

test('a record that names us, by the address of now or of before, is taken up', async () => {
  for (const publicIp of ['10.77.0.11', '10.77.0.55']) {
    const bench = new Bench();
    const own = await bench.leased(KEY, OWN);
    bench.put(KEY, `{"PublicIP":"${publicIp}"}`);
    const kept = await bench.keep(own, attributesOf('10.77.0.55'));
    assert.equal(kept.attributes.publicIp, attributesOf('10.77.0.55').publicIp);
  }
});

test('a value that nobody can read is written anew', async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  bench.put(KEY, '{');
  const kept = await bench.keep(own);
  assert.deepEqual((await bench.store.list()).leases, [kept]);
});

test('a race for the key is run again; one that is lost again and again is left for the next time', async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  bench.remove(KEY);
  const create = bench.store.create.bind(bench.store);
  let races = 1;
  bench.store.create = async (...request) => (races-- > 0 ? 'taken' : create(...request));
  assert.equal(formatSubnetKey((await bench.keep(own)).subnet), KEY);
  bench.remove(KEY);
  races = 100;
  await assert.rejects(bench.keep(own), { code: 'lease.lost' });
});

test('a record that a backup brought back is ours by its MAC, whatever address it names', async () => {
  const bench = new Bench();
  const own = await bench.leased(KEY, OWN);
  bench.remove(KEY);
  await bench.leased(KEY, attributesOf('10.77.0.12'));
  const kept = await bench.keep(own);
  assert.equal(kept.attributes.publicIp, OWN.publicIp);
});
