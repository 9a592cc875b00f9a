/** The LeaseStore on a real etcd: the same behaviours as on the in-memory one. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import type { HostMark } from '#agent/leases/host-record.ts';
import { testLeaseStore } from '#agent/leases/lease-store-compliance.ts';
import type { StoreFixture } from '#agent/leases/lease-store-fixture.ts';
import type { Etcd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type EtcdCluster, startEtcdCluster } from '#lab/etcd-cluster.ts';

let directory = '';
let cluster: EtcdCluster | undefined;
let direct: Etcd | undefined;
let prefixes = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-lease-store-'));
  const [clientPort, peerPort] = [await freePort(), await freePort()];
  const members = [{ name: 'only', address: '127.0.0.1', clientPort, peerPort }];
  cluster = await startEtcdCluster({ directory, members, tls: false });
  direct = connectEtcd({ endpoints: cluster.endpoints });
});

after(async () => {
  direct?.close();
  await cluster?.stop();
  await rm(directory, { recursive: true, force: true });
});

testLeaseStore('etcd', etcdFixture);

async function etcdFixture(): Promise<StoreFixture> {
  assert.ok(cluster !== undefined && direct !== undefined);
  const etcd = direct;
  prefixes++;
  const prefix = `/test${prefixes}/network`;
  const proxy = new CuttableProxy(Number(new URL(cluster.endpoints[0] ?? '').port));
  await proxy.open();
  const clients: Etcd[] = [];
  const openAt = (port: number, mark?: HostMark): EtcdLeaseStore => {
    const client = connectEtcd({ endpoints: [`http://127.0.0.1:${port}`], timeoutMs: 2000 });
    clients.push(client);
    return new EtcdLeaseStore({ etcd: client, prefix, mark });
  };
  return {
    prefix,
    open: (mark) => openAt(proxy.port, mark),
    openUnreachable: () => openAt(1),
    cut: () => proxy.close(),
    heal: () => proxy.open(),
    async putRaw(key, value) {
      await etcd.put({ key, value });
    },
    async deleteRaw(key) {
      await etcd.delete({ key });
    },
    async getRaw(key) {
      return (await etcd.range({ key })).kvs[0]?.value;
    },
    async compact() {
      await etcd.compact((await etcd.range({ key: 'any' })).revision);
    },
    async passTime(ms) {
      await sleep(ms);
    },
    async until(condition) {
      for (let left = 800; !condition(); left--) {
        assert.ok(left > 0, 'it never came true');
        await sleep(10);
      }
    },
    async close() {
      for (const client of clients) client.close();
      await proxy.close();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await listening(server, 0);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

/** Passes TCP on to a port of this machine, until it is closed; opened again it has the same port. */
class CuttableProxy {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  async open(): Promise<void> {
    const server = createServer((near) => {
      const far = connect(this.#target, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    await listening(server, this.port);
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    this.port = address.port;
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
