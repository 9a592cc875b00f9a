/** The LeaseStore on the v2 API of a real etcd: the same behaviours as on v3. */
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdV2LeaseStore } from '#agent/leases/etcd-v2-store.ts';
import type { HostMark } from '#agent/leases/host-record.ts';
import { testLeaseStore } from '#agent/leases/lease-store-compliance.ts';
import type { StoreFixture } from '#agent/leases/lease-store-fixture.ts';
import type { EtcdV2 } from '#etcd/v2-api.ts';
import { connectEtcdV2 } from '#etcd/v2-client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { until } from './client-fixture.ts';
import { Relay } from './client-relay.ts';
import { startV2Cluster, V2Keyboard } from './v2-fixture.ts';

/** etcd keeps 1,000 events, of the whole store. */
const FORGET_WRITES = 1_001;

const cleanups: (() => Promise<void> | void)[] = [];
let cluster: Promise<EtcdCluster> | undefined;
let prefixes = 0;

testLeaseStore('etcd v2', async () => {
  cluster ??= startV2Cluster({ after: (run) => void cleanups.push(run) }, 1);
  return fixture(await cluster, `/test${++prefixes}/network`);
});

// Registered after the suite's own, so it runs when the clients are closed.
after(async () => {
  for (const run of cleanups.reverse()) await run();
});

async function fixture({ endpoints }: EtcdCluster, prefix: string): Promise<StoreFixture> {
  const endpoint = endpoints[0] ?? '';
  const keyboard = new V2Keyboard(endpoint);
  const ends: (() => Promise<void> | void)[] = [];
  const relay = await Relay.start({ after: (run) => void ends.push(run) }, endpoint);
  const clients: EtcdV2[] = [];
  const openAt = (port: number, mark?: HostMark): EtcdV2LeaseStore => {
    const etcd = connectEtcdV2({ endpoints: [`http://127.0.0.1:${port}`], timeoutMs: 2000 });
    clients.push(etcd);
    return new EtcdV2LeaseStore({ etcd, prefix, mark });
  };
  return {
    prefix,
    listsDirectory: true,
    open: (mark) => openAt(relay.port, mark),
    openUnreachable: () => openAt(1),
    async cut() {
      relay.refusing = true;
      relay.cut();
    },
    async heal() {
      relay.refusing = false;
    },
    putRaw: (key, value) => keyboard.set(key, value),
    deleteRaw: (key) => keyboard.delete(key),
    getRaw: (key) => keyboard.get(key),
    async compact() {
      const writes = Array.from({ length: FORGET_WRITES }, (_, index) => index);
      await mapConcurrent(writes, 16, (index) => keyboard.set('/elsewhere', String(index)));
    },
    async passTime(ms) {
      await sleep(ms);
    },
    until: (condition) => until('it came true', condition, 8_000),
    async close() {
      for (const client of clients) client.close();
      for (const end of ends) await end();
    },
  };
}
