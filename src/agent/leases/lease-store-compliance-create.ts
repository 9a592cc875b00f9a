/** How a LeaseStore creates and lists leases, and what it says when it cannot. */
import assert from 'node:assert/strict';
import { Fault } from '#runtime/fault.ts';
import { attributesOf, subnetOf } from './lease-builders.ts';
import { type Behave, DAY, OTHER, OWN, SUBNET } from './lease-store-fixture.ts';

export function testCreating(behaviour: Behave): void {
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
