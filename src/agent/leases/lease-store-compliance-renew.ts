/** How a LeaseStore keeps leases: renewal, expiry, loss, reservations, release. */
import assert from 'node:assert/strict';
import { type Behave, briefly, DAY, follow, OTHER, OWN, SHORT, SUBNET } from './lease-store-fixture.ts';

export function testRenewing(behaviour: Behave): void {
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
}
