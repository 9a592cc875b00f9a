/** What every LeaseStore does, as tests: run on the in-memory etcd and on a real one. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { attributesOf, subnetOf } from './lease-builders.ts';
import type { LeaseChange, LeaseEvent, LeaseStore } from './store.ts';

/** A key space of its own for one test, and the means to do with it what other hosts, operators and faults do. */
export interface StoreFixture {
  readonly prefix: string;
  /** The store lists a directory, and not all keys that begin with its name. */
  readonly listsDirectory?: boolean;
  /** A client of its own each time. */
  open(): LeaseStore;
  /** A store that cannot reach its etcd. */
  openUnreachable(): LeaseStore;
  /** Cuts the connections of the stores opened by `open`, then lets them come back. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  putRaw(key: string, value: string): Promise<void>;
  deleteRaw(key: string): Promise<void>;
  getRaw(key: string): Promise<string | undefined>;
  /** Throws the history away up to now. */
  compact(): Promise<void>;
  passTime(ms: number): Promise<void>;
  /** Lets things under way arrive until the condition holds; fails after some seconds. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const OWN = attributesOf('10.77.0.11');
const OTHER = attributesOf('10.77.0.12', '7e:74:c7:9e:78:6a');
const SUBNET = subnetOf('10.5.1.0-24');
const DAY = 86_400;
/** The shortest that etcd grants by default. */
const SHORT = 2;

/** Registers the tests; `makeFixture` is called once for each. */
export function testLeaseStore(name: string, makeFixture: () => Promise<StoreFixture>): void {
  const open: StoreFixture[] = [];
  const behaviour = (sentence: string, work: (fixture: StoreFixture) => Promise<void>): void => {
    test(`${name}: ${sentence}`, async () => {
      const fixture = await makeFixture();
      open.push(fixture);
      await work(fixture);
    });
  };
  after(async () => {
    for (const fixture of open) await fixture.close();
  });

  behaviour('the network document is absent, then exactly as stored', async (fixture) => {
    const store = fixture.open();
    assert.equal(await store.config(), undefined);
    await fixture.putRaw(`${fixture.prefix}/config`, '{"Network": "10.5.0.0/16"}\n');
    assert.equal(await store.config(), '{"Network": "10.5.0.0/16"}\n');
  });

  behaviour('a created lease is listed by everybody with what its host published', async (fixture) => {
    const created = await fixture.open().create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    assert.equal(created.created, created.modified);
    const { leases, rejected, revision } = await fixture.open().list();
    assert.deepEqual(leases, [created]);
    assert.deepEqual(rejected, []);
    assert.ok(revision >= created.modified);
    assert.equal(created.reservation, false);
  });

  behaviour("key and value are flannel's, letter for letter", async (fixture) => {
    await fixture.open().create(SUBNET, OWN, DAY);
    assert.equal(
      await fixture.getRaw(`${fixture.prefix}/subnets/10.5.1.0-24`),
      '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}',
    );
  });

  behaviour('a lease of both families survives storing', async (fixture) => {
    const subnet = subnetOf('10.12.13.0-24&fd00:12:13::-56');
    const created = await fixture.open().create(subnet, { ...OWN, publicIpv6: 0xfd00n << 112n }, DAY);
    const { leases } = await fixture.open().list();
    assert.deepEqual(leases, [created]);
  });

  behaviour('a subnet that is leased is "taken", and its lease is untouched', async (fixture) => {
    const first = await fixture.open().create(SUBNET, OWN, DAY);
    const late = fixture.open();
    assert.equal(await late.create(SUBNET, OTHER, DAY), 'taken');
    assert.deepEqual((await late.list()).leases, [first]);
    // The same store can still lease another one.
    assert.notEqual(await late.create(subnetOf('10.5.2.0-24'), OTHER, DAY), 'taken');
  });

  behaviour('a subnet whose record cannot be read is "taken" too', async (fixture) => {
    await fixture.putRaw(`${fixture.prefix}/subnets/10.5.1.0-24`, 'junk');
    assert.equal(await fixture.open().create(SUBNET, OWN, DAY), 'taken');
  });

  behaviour('of ten hosts that create the same lease at once exactly one gets it', async (fixture) => {
    const stores = Array.from({ length: 10 }, () => fixture.open());
    const results = await Promise.all(
      stores.map((store, index) => store.create(SUBNET, attributesOf(`10.77.0.${index + 1}`), DAY)),
    );
    assert.equal(results.filter((result) => result !== 'taken').length, 1);
  });

  behaviour('a prepared grant is used by the next create', async (fixture) => {
    const store = fixture.open();
    store.prepareGrant(DAY);
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    assert.equal((await store.list()).leases[0]?.reservation, false);
  });

  behaviour('renewing keeps the claim and publishes the new attributes', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    const renewed = await store.renew(created, { ...OWN, backendData: { VNI: 7 } }, DAY);
    assert.ok(renewed !== 'lost');
    assert.equal(renewed.created, created.created);
    assert.ok(renewed.modified > created.modified);
    assert.deepEqual((await fixture.open().list()).leases, [renewed]);
  });

  behaviour('a lease that is renewed outlives its first time to live', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, SHORT);
    assert.ok(created !== 'taken');
    assert.ok((await store.renew(created, OWN, DAY)) !== 'lost');
    await fixture.passTime(SHORT * 1000 + 1500);
    assert.equal((await store.list()).leases.length, 1);
  });

  behaviour('a lease that is not renewed is gone after its time, and watchers are told', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, SHORT);
    assert.ok(created !== 'taken');
    const { changes } = follow(fixture.open(), created.modified);
    await fixture.passTime(SHORT * 1000 + 1500);
    await fixture.until(() => changes.length > 0);
    assert.deepEqual(changes.map(briefly), ['gone 10.5.1.0-24']);
    assert.deepEqual((await store.list()).leases, []);
  });

  behaviour('a lease that somebody else wrote meanwhile is lost, and theirs is untouched', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    const key = `${fixture.prefix}/subnets/10.5.1.0-24`;
    await fixture.putRaw(key, '{"PublicIP":"10.77.0.99"}');
    assert.equal(await store.renew(created, OWN, DAY), 'lost');
    assert.equal(await store.release(created), 'lost');
    assert.equal(await fixture.getRaw(key), '{"PublicIP":"10.77.0.99"}');
  });

  behaviour('a lease that is gone is lost and not made anew by renewing', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    await fixture.deleteRaw(`${fixture.prefix}/subnets/10.5.1.0-24`);
    assert.equal(await store.renew(created, OWN, DAY), 'lost');
    assert.equal(await store.release(created), 'lost');
    assert.deepEqual((await store.list()).leases, []);
  });

  behaviour('a lease given anew to another host is not the old one', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    assert.equal(await store.release(created), 'released');
    const other = await fixture.open().create(SUBNET, OTHER, DAY);
    assert.equal(await store.renew(created, OWN, DAY), 'lost');
    assert.deepEqual((await store.list()).leases, [other]);
  });

  behaviour('a reservation is recognised and stays one when it is renewed', async (fixture) => {
    const store = fixture.open();
    await fixture.putRaw(`${fixture.prefix}/subnets/10.5.1.0-24`, '{"PublicIP":"10.77.0.11"}');
    const [reservation] = (await store.list()).leases;
    assert.ok(reservation?.reservation);
    const renewed = await store.renew(reservation, OWN, SHORT);
    assert.ok(renewed !== 'lost' && renewed.reservation);
    await fixture.passTime(SHORT * 1000 + 1500);
    assert.deepEqual((await store.list()).leases, [renewed]);
  });

  behaviour('our lease that an operator turned into a reservation stays ours, as a reservation', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    const key = `${fixture.prefix}/subnets/10.5.1.0-24`;
    await fixture.putRaw(key, (await fixture.getRaw(key)) ?? '');
    const renewed = await store.renew(created, OWN, DAY);
    assert.ok(renewed !== 'lost' && renewed.reservation);
    assert.deepEqual((await store.list()).leases, [renewed]);
  });

  behaviour('releasing frees the subnet at once', async (fixture) => {
    const store = fixture.open();
    const created = await store.create(SUBNET, OWN, DAY);
    assert.ok(created !== 'taken');
    assert.equal(await store.release(created), 'released');
    assert.notEqual(await fixture.open().create(SUBNET, OTHER, DAY), 'taken');
  });

  behaviour(
    'foreign and malformed records are reported with key and reason, and cost the others nothing',
    async (fixture) => {
      const store = fixture.open();
      const created = await store.create(SUBNET, OWN, DAY);
      const records: (readonly [name: string, value: string, reason: RegExp])[] = [
        ['subnets/README', 'hello', /not the name of a subnet/],
        ['subnets/10.5.7.0-24x', '{"PublicIP":"1.2.3.4"}', /not the name of a subnet/],
        ['subnets/a/10.5.7.0-24', '{"PublicIP":"1.2.3.4"}', /not the name of a subnet/],
        ['subnets/10.5.8.0-24', '{"PublicIP":', /not valid JSON/],
        ['subnets/10.5.9.0-24', '{"PublicIP":"fd00::1"}', /PublicIP is not an IPv4 address/],
      ];
      if (fixture.listsDirectory !== true) records.push(['subnetsXYZ', '{}', /not the name of a subnet/]);
      for (const [name, value] of records) await fixture.putRaw(`${fixture.prefix}/${name}`, value);
      await fixture.putRaw(`${fixture.prefix}/other`, 'not below subnets');
      const { leases, rejected } = await store.list();
      assert.deepEqual(leases, [created]);
      const reasons = new Map(rejected.map((record) => [record.key, record]));
      assert.equal(reasons.size, records.length);
      for (const [name, , reason] of records)
        assert.match(reasons.get(`${fixture.prefix}/${name}`)?.reason ?? '', reason);
      assert.deepEqual(reasons.get(`${fixture.prefix}/subnets/10.5.8.0-24`)?.subnet, subnetOf('10.5.8.0-24'));
      assert.equal(reasons.get(`${fixture.prefix}/subnets/a/10.5.7.0-24`)?.subnet, undefined);
    },
  );

  behaviour('a watch tells every change after its revision, in order', async (fixture) => {
    const store = fixture.open();
    const first = await store.create(SUBNET, OWN, DAY);
    assert.ok(first !== 'taken');
    const { changes } = follow(fixture.open(), first.modified);
    const second = await store.create(subnetOf('10.5.2.0-24'), OTHER, DAY);
    assert.ok(second !== 'taken');
    const renewed = await store.renew(first, OTHER, DAY);
    assert.equal(await store.release(second), 'released');
    await fixture.until(() => changes.length >= 3);
    assert.deepEqual(changes.map(briefly), ['put 10.5.2.0-24', 'put 10.5.1.0-24', 'gone 10.5.2.0-24']);
    assert.deepEqual(changes[0], { type: 'put', lease: second });
    assert.deepEqual(changes[1], { type: 'put', lease: renewed });
  });

  behaviour('a watch begins with what happened between the listing and its start', async (fixture) => {
    const { revision } = await fixture.open().list();
    await fixture.open().create(SUBNET, OWN, DAY);
    const { changes } = follow(fixture.open(), revision);
    await fixture.until(() => changes.length > 0);
    assert.deepEqual(changes.map(briefly), ['put 10.5.1.0-24']);
  });

  behaviour('an unreadable record is reported by the watch and ends nothing', async (fixture) => {
    const store = fixture.open();
    const { revision } = await store.list();
    const { changes } = follow(store, revision);
    await fixture.putRaw(`${fixture.prefix}/subnets/10.5.3.0-24`, '\u0000junk');
    await fixture.putRaw(`${fixture.prefix}/subnets/hello`, '{}');
    await fixture.deleteRaw(`${fixture.prefix}/subnets/hello`);
    await fixture.open().create(SUBNET, OWN, DAY);
    await fixture.until(() => changes.some((change) => change.type === 'put'));
    assert.deepEqual(changes.map(briefly), [
      `rejected ${fixture.prefix}/subnets/10.5.3.0-24`,
      `rejected ${fixture.prefix}/subnets/hello`,
      'put 10.5.1.0-24',
    ]);
  });

  behaviour(
    'a watch from a revision that is compacted away begins with the whole truth, then goes on',
    async (fixture) => {
      const store = fixture.open();
      const { revision } = await store.list();
      const first = await store.create(SUBNET, OWN, DAY);
      await fixture.putRaw(`${fixture.prefix}/subnets/junk`, '1');
      await fixture.putRaw(`${fixture.prefix}/subnets/junk`, '2');
      await fixture.compact();
      const { events, changes } = follow(fixture.open(), revision);
      await fixture.until(() => events.length > 0);
      const [snapshot] = events;
      assert.ok(snapshot?.type === 'snapshot');
      assert.deepEqual(snapshot.leases, [first]);
      assert.equal(snapshot.rejected.length, 1);
      await store.create(subnetOf('10.5.2.0-24'), OTHER, DAY);
      await fixture.until(() => changes.length > 0);
      assert.deepEqual(changes.map(briefly), ['put 10.5.2.0-24']);
    },
  );

  behaviour('a watch that is cut says so, resumes by itself and misses nothing', async (fixture) => {
    const store = fixture.open();
    const { revision } = await store.list();
    const { events, changes } = follow(store, revision);
    await fixture.putRaw(`${fixture.prefix}/subnets/10.5.1.0-24`, '{"PublicIP":"10.77.0.11"}');
    await fixture.until(() => changes.length === 1);
    await fixture.cut();
    await fixture.until(() => events.some((event) => event.type === 'interrupted'));
    await fixture.putRaw(`${fixture.prefix}/subnets/10.5.2.0-24`, '{"PublicIP":"10.77.0.12"}');
    await fixture.deleteRaw(`${fixture.prefix}/subnets/10.5.1.0-24`);
    await fixture.heal();
    await fixture.until(() => changes.length >= 3);
    assert.deepEqual(changes.map(briefly), ['put 10.5.1.0-24', 'put 10.5.2.0-24', 'gone 10.5.1.0-24']);
    await fixture.until(() => events.some((event) => event.type === 'resumed'));
    assert.equal(events.filter((event) => event.type === 'snapshot').length, 0);
  });

  behaviour('a watch that was ended tells nothing any more', async (fixture) => {
    const store = fixture.open();
    const { revision } = await store.list();
    const ended = follow(store, revision);
    const other = follow(fixture.open(), revision);
    ended.end();
    await store.create(SUBNET, OWN, DAY);
    await fixture.until(() => other.changes.length > 0);
    await fixture.passTime(50);
    assert.deepEqual(ended.events, []);
  });

  behaviour('every verb throws a Fault when etcd cannot be reached', async (fixture) => {
    const store = fixture.openUnreachable();
    const own = { subnet: SUBNET, attributes: OWN, reservation: false, created: 1, modified: 1 };
    const verbs = [
      () => store.config(),
      () => store.list(),
      () => store.create(SUBNET, OWN, DAY),
      () => store.renew(own, OWN, DAY),
      () => store.release(own),
    ];
    for (const verb of verbs) {
      await assert.rejects(verb, (error) => error instanceof Fault && error.code.startsWith('etcd.'));
    }
  });
}

/** What a watch tells, as it comes. */
function follow(
  store: LeaseStore,
  revision: number,
): { readonly events: LeaseEvent[]; readonly changes: LeaseChange[]; readonly end: () => void } {
  const events: LeaseEvent[] = [];
  const changes: LeaseChange[] = [];
  const end = store.watch(revision, (event) => {
    events.push(event);
    if (event.type === 'changes') changes.push(...event.changes);
  });
  return { events, changes, end };
}

function briefly(change: LeaseChange): string {
  if (change.type === 'rejected') return `rejected ${change.record.key}`;
  return `${change.type} ${formatSubnetKey(change.type === 'put' ? change.lease.subnet : change.subnet)}`;
}
