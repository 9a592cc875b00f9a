import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '#runtime/clock.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import type { HostMark } from './host-record.ts';
import { testLeaseStore } from './lease-store-compliance.ts';
import type { StoreFixture } from './lease-store-fixture.ts';
import { MemoryEtcd } from './memory-etcd.ts';
import type { MemoryEtcdClient } from './memory-etcd-client.ts';

const PREFIX = '/kubernetes/network';

testLeaseStore('in-memory etcd', async () => memoryFixture());

function memoryFixture(): StoreFixture {
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock });
  const clients: MemoryEtcdClient[] = [];
  const open = (mark?: HostMark): EtcdLeaseStore => {
    const client = etcd.connect();
    clients.push(client);
    return new EtcdLeaseStore({ etcd: client, prefix: PREFIX, clock, mark });
  };
  return {
    prefix: PREFIX,
    open,
    openUnreachable() {
      const client = etcd.connect();
      client.cut();
      return new EtcdLeaseStore({ etcd: client, prefix: PREFIX, clock });
    },
    async cut() {
      for (const client of clients) client.cut();
    },
    async heal() {
      for (const client of clients) client.heal();
    },
    async putRaw(key, value) {
      etcd.putRaw(key, value);
    },
    async deleteRaw(key) {
      etcd.deleteRaw(key);
    },
    async getRaw(key) {
      return etcd.keyspace.range({ key }).kvs[0]?.value;
    },
    async compact() {
      etcd.keyspace.compact(etcd.keyspace.revision);
    },
    async passTime(ms) {
      clock.advance(ms);
      await turn();
    },
    async until(condition) {
      for (let left = 100; !condition(); left--) {
        assert.ok(left > 0, 'it never came true');
        clock.advance(100);
        await turn();
      }
    },
    async close() {
      for (const client of clients) client.close();
    },
  };
}
