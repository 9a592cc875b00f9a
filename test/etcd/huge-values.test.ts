/** Values of a megabyte below the prefix on a real etcd, more than one answer may have: a listing and a watch get over them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import type { LeaseEvent } from '#agent/leases/store.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { connect, startCluster, until } from './client-fixture.ts';

const PREFIX = '/huge/network';
const RECORD =
  '{"PublicIP":"10.77.0.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}';
const HUGE = 60;

test('a good lease among 72 MB of hostile values is listed, and watched from before all of them', async (context) => {
  const cluster = await startCluster(context, 1, { tls: false });
  const etcd = connect(context, cluster, { timeoutMs: 30_000 });
  const { revision } = await etcd.put({ key: `${PREFIX}/config`, value: '{}' });
  const value = 'x'.repeat(1_200_000);
  for (let number = 0; number < HUGE; number += 1) {
    await etcd.put({ key: `${PREFIX}/subnets/172.30.${number}.0-24`, value });
  }
  await etcd.put({ key: `${PREFIX}/subnets/172.30.99.0-24`, value: RECORD });
  const store = new EtcdLeaseStore({ etcd, prefix: PREFIX });
  const { leases, rejected } = await store.list();
  assert.deepEqual(
    leases.map(({ subnet }) => formatSubnetKey(subnet)),
    ['172.30.99.0-24'],
  );
  assert.equal(rejected.length, HUGE);
  const events: LeaseEvent[] = [];
  const close = store.watch(revision, (event) => events.push(event));
  // A history of that size is not told but listed.
  const isGoodListing = (event: LeaseEvent): boolean => event.type === 'snapshot' && event.leases.length === 1;
  await until('the good lease is told', () => events.some(isGoodListing), 60_000);
  close();
  store.close();
});
