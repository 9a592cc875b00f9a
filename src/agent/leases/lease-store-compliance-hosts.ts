/** How a LeaseStore claims the address of a lease for one machine. */
import assert from 'node:assert/strict';
import { Fault } from '#runtime/fault.ts';
import type { HostKey } from './host-keys.ts';
import { formatHostRecord, hostMarkOf, parseHostRecord } from './host-record.ts';
import { attributesOf, subnetOf } from './lease-builders.ts';
import { type Behave, DAY, OWN, SHORT, type StoreFixture, SUBNET } from './lease-store-fixture.ts';

const A = hostMarkOf('a', 'boot of a', 'host-a');
const B = hostMarkOf('b', 'boot of b', 'host-b');
const ADDRESS = '10.77.0.11';

const hostKeyOf = ({ prefix }: StoreFixture): string => `${prefix}/hosts/${ADDRESS}`;
const isClone = (error: unknown): boolean => error instanceof Fault && error.code === 'lease.clone';

export function testHostKeys(behaviour: Behave): void {
  behaviour('without a mark no host key is written', async (fixture) => {
    const store = fixture.open();
    await store.create(SUBNET, OWN, DAY);
    assert.equal(store.hosts, undefined);
    assert.equal(await fixture.getRaw(hostKeyOf(fixture)), undefined);
  });

  behaviour("a lease marks its host's address, and is itself as without", async (fixture) => {
    const store = fixture.open(A);
    await store.create(SUBNET, OWN, DAY);
    assert.deepEqual(parseHostRecord((await fixture.getRaw(hostKeyOf(fixture))) ?? ''), A);
    assert.equal(
      await fixture.getRaw(`${fixture.prefix}/subnets/10.5.1.0-24`),
      '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}',
    );
    assert.deepEqual((await store.list()).rejected, []);
  });

  behaviour('the mark is gone when the lease is, and lives on with a renewed one', async (fixture) => {
    const store = fixture.open(A);
    const created = await store.create(SUBNET, OWN, SHORT);
    assert.ok(created !== 'taken');
    assert.ok((await store.renew(created, OWN, DAY)) !== 'lost');
    const other = fixture.open(B);
    assert.ok((await other.create(subnetOf('10.5.2.0-24'), attributesOf('10.77.0.12'), SHORT)) !== 'taken');
    await fixture.passTime(SHORT * 1000 + 2500);
    assert.notEqual(await fixture.getRaw(hostKeyOf(fixture)), undefined);
    assert.equal(await fixture.getRaw(`${fixture.prefix}/hosts/10.77.0.12`), undefined);
  });

  behaviour("the mark of a reservation's host has no end, as the reservation", async (fixture) => {
    await fixture.putRaw(`${fixture.prefix}/subnets/10.5.1.0-24`, '{"PublicIP":"10.77.0.11"}');
    const store = fixture.open(A);
    const [reservation] = (await store.list()).leases;
    assert.ok(reservation !== undefined);
    assert.ok((await store.renew(reservation, OWN, SHORT)) !== 'lost');
    await fixture.passTime(SHORT * 1000 + 2500);
    assert.notEqual(await fixture.getRaw(hostKeyOf(fixture)), undefined);
  });

  behaviour('another machine gets no lease for that address, and nothing is written', async (fixture) => {
    const created = await fixture.open(A).create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    const clone = fixture.open(B);
    const { revision } = await clone.list();
    await assert.rejects(() => clone.create(subnetOf('10.5.2.0-24'), OWN, DAY), isClone);
    await assert.rejects(() => clone.renew(created, OWN, DAY), isClone);
    const { leases, revision: after } = await clone.list();
    assert.deepEqual(leases, [created]);
    assert.equal(after, revision);
  });

  behaviour('the same machine claims its address again, whatever is asked there', async (fixture) => {
    const created = await fixture.open(A).create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    const again = await fixture.open(A).renew(created, OWN, DAY);
    assert.ok(again !== 'lost');
    await fixture.putRaw(hostKeyOf(fixture), formatHostRecord({ ...A, asker: B }));
    assert.ok((await fixture.open(A).renew(again, OWN, DAY)) !== 'lost');
    assert.equal(await fixture.getRaw(hostKeyOf(fixture)), formatHostRecord(A));
    assert.ok((await fixture.open(A).create(subnetOf('10.5.2.0-24'), OWN, DAY)) !== 'taken');
  });

  behaviour('a lease from before there were marks gets one', async (fixture) => {
    const created = await fixture.open().create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    assert.ok((await fixture.open(A).renew(created, OWN, DAY)) !== 'lost');
    assert.equal(await fixture.getRaw(hostKeyOf(fixture)), formatHostRecord(A));
  });

  behaviour("a mark that nobody can read is nobody's", async (fixture) => {
    await fixture.putRaw(hostKeyOf(fixture), 'junk');
    const store = fixture.open(A);
    assert.equal((await store.hosts?.read(ADDRESS))?.record, undefined);
    assert.ok((await store.create(SUBNET, OWN, DAY)) !== 'taken');
    assert.equal(await fixture.getRaw(hostKeyOf(fixture)), formatHostRecord(A));
  });

  behaviour('a host that gets another address marks that one', async (fixture) => {
    const store = fixture.open(A);
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    assert.ok((await store.renew(created, attributesOf('10.77.0.21'), DAY)) !== 'lost');
    assert.equal(await fixture.getRaw(`${fixture.prefix}/hosts/10.77.0.21`), formatHostRecord(A));
  });

  behaviour('of ten machines with one address exactly one gets a lease', async (fixture) => {
    const stores = Array.from({ length: 10 }, (_, index) =>
      fixture.open(hostMarkOf(`machine ${index}`, 'boot', `host${index}`)),
    );
    const outcomes = await Promise.allSettled(
      stores.map((store, index) => store.create(subnetOf(`10.5.${index + 1}.0-24`), OWN, DAY)),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await fixture.open().list()).leases.length, 1);
    assert.ok(outcomes.every((outcome) => outcome.status === 'fulfilled' || isClone(outcome.reason)));
  });

  behaviour('a host key is read, and replaced as it was read only', async (fixture) => {
    const { hosts } = fixture.open(A);
    assert.ok(hosts !== undefined);
    assert.equal(await hosts.read(ADDRESS), undefined);
    await fixture.open(A).create(SUBNET, OWN, SHORT);
    const read = await hosts.read(ADDRESS);
    assert.ok(read !== undefined);
    assert.equal(read.key, hostKeyOf(fixture));
    assert.deepEqual(read.record, A);
    assert.equal(await read.replace({ ...A, asker: B }), 'written');
    assert.equal(await read.replace(B), 'changed');
    assert.deepEqual((await hosts.read(ADDRESS))?.record, { ...A, asker: B });
    // It has the time to live that it had.
    await fixture.passTime(SHORT * 1000 + 2500);
    assert.equal(await hosts.read(ADDRESS), undefined);
  });

  behaviour('who watches a host key is told of its writes and its end, not of others', async (fixture) => {
    const store = fixture.open(A);
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    const told: (HostKey | undefined)[] = [];
    const end = store.hosts?.watch(ADDRESS, created.modified, (key) => told.push(key));
    await fixture.putRaw(`${fixture.prefix}/hosts/10.77.0.12`, formatHostRecord(B));
    await fixture.putRaw(hostKeyOf(fixture), formatHostRecord({ ...A, asker: B }));
    await fixture.until(() => told.length === 1);
    assert.deepEqual(told[0]?.record, { ...A, asker: B });
    assert.equal(await told[0]?.replace(A), 'written');
    await fixture.until(() => told.length === 2);
    await fixture.deleteRaw(hostKeyOf(fixture));
    await fixture.until(() => told.length === 3);
    assert.deepEqual(told.map((key) => key?.record)[2], undefined);
    end?.();
    await fixture.putRaw(hostKeyOf(fixture), 'junk');
    await fixture.passTime(50);
    assert.equal(told.length, 3);
  });

  behaviour('a watch of a host key whose history is gone begins with what stands there', async (fixture) => {
    const store = fixture.open(A);
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    await fixture.putRaw(hostKeyOf(fixture), formatHostRecord({ ...A, asker: B }));
    await fixture.putRaw(`${fixture.prefix}/elsewhere`, '1');
    await fixture.compact();
    const told: (HostKey | undefined)[] = [];
    store.hosts?.watch(ADDRESS, created.modified, (key) => told.push(key));
    await fixture.until(() => told.length > 0);
    assert.deepEqual(told[0]?.record, { ...A, asker: B });
  });
}
