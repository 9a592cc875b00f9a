/** What the watch of a LeaseStore tells. */
import assert from 'node:assert/strict';
import { subnetOf } from './lease-builders.ts';
import { type Behave, briefly, DAY, follow, OTHER, OWN, SUBNET } from './lease-store-fixture.ts';

export function testWatching(behaviour: Behave): void {
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
}
