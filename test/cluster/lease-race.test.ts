/** Thirty hosts that acquire at the same instant on a real etcd of three members, in a network of exactly thirty subnets. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLease } from '#agent/leases/acquire.ts';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import { attributesOf, networkOf } from '#agent/leases/lease-builders.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type EtcdCluster, startEtcdCluster } from '#lab/etcd-cluster.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';

const HOSTS = 30;
const ROUNDS = 5;
const NETWORK = networkOf({ Network: '10.5.0.0/16', SubnetMin: '10.5.1.0', SubnetMax: `10.5.${HOSTS}.0` });

let directory = '';
let cluster: EtcdCluster | undefined;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-lease-race-'));
  const members = [];
  for (const name of ['a', 'b', 'c']) {
    members.push({ name, address: '127.0.0.1', clientPort: await freePort(), peerPort: await freePort() });
  }
  cluster = await startEtcdCluster({ directory, members, tls: false });
});

after(async () => {
  await cluster?.stop();
  await rm(directory, { recursive: true, force: true });
});

for (let round = 1; round <= ROUNDS; round++) {
  test(`round ${round}: ${HOSTS} hosts at once in a network of ${HOSTS} subnets all get one, each another`, async () => {
    assert.ok(cluster !== undefined);
    const { endpoints } = cluster;
    const prefix = `/round${round}/network`;
    const hosts = Array.from({ length: HOSTS }, (_, index) => {
      const etcd = connectEtcd({ endpoints });
      return { etcd, store: new EtcdLeaseStore({ etcd, prefix }), attributes: attributesOf(`10.77.0.${index + 1}`) };
    });
    try {
      const acquired = await Promise.all(
        hosts.map(({ store, attributes }) =>
          acquireLease({ store, attributes, network: NETWORK, ttlSeconds: 86_400, random: Math.random, sleep }),
        ),
      );
      assert.equal(new Set(acquired.map(({ lease }) => formatSubnetKey(lease.subnet))).size, HOSTS);
      assert.ok(
        acquired.some(({ attempts }) => attempts > 1),
        'no race took place: the test shows nothing',
      );
      const { leases } = (await hosts[0]?.store.list()) ?? { leases: [] };
      assert.equal(leases.length, HOSTS);
    } finally {
      for (const { etcd, store } of hosts) {
        store.close();
        etcd.close();
      }
    }
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
