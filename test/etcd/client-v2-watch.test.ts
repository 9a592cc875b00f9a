/** The watch of the etcd v2 client: on members that die, freeze or are cut off, on directories that go away, on lost history. */
import assert from 'node:assert/strict';
import { after, suite, type TestContext, test } from 'node:test';
import type { EtcdOptions } from '#etcd/api.ts';
import type { EtcdV2, V2Event, V2WatchListener } from '#etcd/v2-api.ts';
import { connectEtcdV2 } from '#etcd/v2-client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { type EtcdMember, signalMembers } from '#lab/etcd-member.ts';
import type { Fault } from '#runtime/fault.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { until } from './client-fixture.ts';
import { Relay } from './client-relay.ts';
import { startV2Cluster, V2Keyboard } from './v2-fixture.ts';

/** Keeps what it is told, as short texts. */
class Recorder implements V2WatchListener {
  readonly seen: string[] = [];
  readonly faults: Fault[] = [];
  interruptions = 0;
  resumes = 0;
  relist: () => Promise<number> = () => Promise.reject(new Error('not expected to be lost'));

  readonly event = (event: V2Event): void => {
    this.seen.push(event.type === 'put' ? `put ${event.node.key}=${event.node.value}` : `gone ${event.key}`);
  };
  readonly lost = (fault: Fault): Promise<number> => {
    this.faults.push(fault);
    return this.relist();
  };
  readonly interrupted = (): void => {
    this.interruptions++;
  };
  readonly resumed = (): void => {
    this.resumes++;
  };
}

/** A client whose first endpoint is the first one given. */
function connectInOrder(t: TestContext, endpoints: readonly string[], options: Partial<EtcdOptions> = {}): EtcdV2 {
  const random = Math.random;
  Math.random = () => 0;
  try {
    const client = connectEtcdV2({ endpoints, ...options });
    t.after(() => client.close());
    return client;
  } finally {
    Math.random = random;
  }
}

async function follow(client: EtcdV2, key: string, recorder = new Recorder()): Promise<Recorder> {
  const { index } = await client.list(key);
  client.watch({ key, afterIndex: index, probeKey: '/config' }, recorder);
  return recorder;
}

suite('one member', async () => {
  const cluster = await startV2Cluster({ after }, 1);
  const [endpoint = ''] = cluster.endpoints;
  const keyboard = new V2Keyboard(endpoint);

  test('every change below the directory is told, in order, and nothing else', async (t) => {
    const recorder = await follow(connectInOrder(t, [endpoint]), '/dir');
    await keyboard.set('/dir/a', '1');
    await keyboard.set('/dirt', 'beside it');
    await keyboard.set('/dir/b/c', '2');
    await keyboard.set('/dir/a', '3', 1);
    await keyboard.delete('/dir/b/c');
    await until('the key has expired', () => recorder.seen.includes('gone /dir/a'));
    assert.deepEqual(recorder.seen, ['put /dir/a=1', 'put /dir/b/c=2', 'put /dir/a=3', 'gone /dir/b/c', 'gone /dir/a']);
  });

  test('a burst of five hundred changes is told completely', async (t) => {
    const recorder = await follow(connectInOrder(t, [endpoint]), '/burst');
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    await mapConcurrent(numbers, 16, (number) => keyboard.set(`/burst/${number}`, 'x'));
    await until('all are told', () => recorder.seen.length === 500, 10_000);
    assert.equal(new Set(recorder.seen).size, 500);
  });

  for (const directory of ['/gone/network/subnets', '/gone/network', '/gone']) {
    test(`after ${directory} is deleted as a whole the truth is listed anew`, async (t) => {
      await keyboard.set('/gone/network/subnets/a', '1');
      const client = connectInOrder(t, [endpoint]);
      const recorder = new Recorder();
      let listed: readonly string[] | undefined;
      recorder.relist = async () => {
        const { index, nodes } = await client.list('/gone/network/subnets');
        listed = nodes.map(({ key }) => key);
        return index;
      };
      await follow(client, '/gone/network/subnets', recorder);
      await keyboard.delete(directory, '?recursive=true');
      await until('it was listed', () => listed !== undefined);
      assert.match(recorder.faults[0]?.message ?? '', new RegExp(`directory ${directory} was changed as a whole`));
      await keyboard.set('/gone/network/subnets/b', '2');
      await until('the watch goes on', () => recorder.seen.length === 1);
      assert.deepEqual([listed, recorder.seen], [[], ['put /gone/network/subnets/b=2']]);
    });
  }

  test('a listing that fails is asked for again', async (t) => {
    const client = connectInOrder(t, [endpoint]);
    const recorder = new Recorder();
    let attempts = 0;
    let listed = false;
    recorder.relist = async () => {
      attempts++;
      if (attempts < 3) throw new Error('not now');
      const { index } = await client.list('/again');
      listed = true;
      return index;
    };
    // An index that etcd has long forgotten.
    const numbers = Array.from({ length: 1_001 }, (_, index) => index);
    await mapConcurrent(numbers, 16, (number) => keyboard.set('/noise', String(number)));
    client.watch({ key: '/again', afterIndex: 1, probeKey: '/config' }, recorder);
    await until('it was listed', () => listed);
    assert.equal(attempts, 3);
    assert.equal(recorder.faults[0]?.code, 'etcd.compacted');
    await keyboard.set('/again/a', '1');
    await until('the watch goes on', () => recorder.seen.length === 1);
  });

  test('a store that went back in time is listed anew', async (t) => {
    const client = connectInOrder(t, [endpoint]);
    const recorder = new Recorder();
    let listed = false;
    recorder.relist = async () => {
      const { index } = await client.list('/back');
      listed = true;
      return index;
    };
    client.watch({ key: '/back', afterIndex: 1_000_000, probeKey: '/config' }, recorder);
    await until('it was listed', () => listed);
    assert.match(recorder.faults[0]?.message ?? '', /went back from index 1000000/);
    await keyboard.set('/back/a', '1');
    await until('the watch goes on', () => recorder.seen.length === 1);
  });

  test('a connection that died without a word is found out, and nothing is missed', async (t) => {
    const relay = await Relay.start(t, endpoint);
    const client = connectInOrder(t, [`http://127.0.0.1:${relay.port}`], { keepAliveMs: 100, timeoutMs: 300 });
    const recorder = await follow(client, '/dead');
    await keyboard.set('/dead/a', '1');
    await until('the watch is at work', () => recorder.seen.length === 1);
    relay.freeze();
    await keyboard.set('/dead/b', '2');
    await until('the watch goes on', () => recorder.seen.length === 2);
    assert.deepEqual(recorder.seen, ['put /dead/a=1', 'put /dead/b=2']);
  });

  test('a watch at rest costs the cluster nothing but a look from time to time', async (t) => {
    await keyboard.set('/rest/mortal', 'so that the raft log moves', 1_000);
    await keyboard.set('/config', 'x');
    const relay = await Relay.start(t, endpoint);
    const client = connectInOrder(t, [`http://127.0.0.1:${relay.port}`], { keepAliveMs: 100 });
    const recorder = await follow(client, '/rest');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.equal(recorder.interruptions, 0);
    // One for the listing and the poll, one for the looks.
    assert.ok(relay.connections <= 3, `${relay.connections} connections were made`);
  });
});

suite('three members', async () => {
  const cluster: EtcdCluster = await startV2Cluster({ after }, 3);
  const urls = (order: readonly EtcdMember[]): string[] => order.map(({ endpoint }) => endpoint);
  const quick = { keepAliveMs: 150, timeoutMs: 900 };

  async function thaw(members: readonly EtcdMember[]): Promise<void> {
    signalMembers(members, 'SIGCONT');
    for (const { endpoint } of cluster.members) {
      const client = connectEtcdV2({ endpoints: [endpoint], timeoutMs: 10_000 });
      await client.get('/config');
      client.close();
    }
  }

  test('a watch on a member that freezes goes on at another one', async (t) => {
    const [frozen, ...others] = cluster.members;
    assert.ok(frozen !== undefined);
    const recorder = await follow(connectInOrder(t, urls([frozen, ...others]), quick), '/frozen');
    await new V2Keyboard(frozen.endpoint).set('/frozen/a', '1');
    await until('the watch is at work', () => recorder.seen.length === 1);
    signalMembers([frozen], 'SIGSTOP');
    t.after(() => thaw([frozen]));
    const writer = connectEtcdV2({ endpoints: urls(others), timeoutMs: 10_000 });
    t.after(() => writer.close());
    await until('the freeze is noticed', () => recorder.interruptions === 1);
    // Without a leader, if that was the frozen one, the others need a second for a new one.
    await retried(() => writer.create('/frozen/b', '2'));
    await until('the watch goes on', () => recorder.seen.length === 2, 10_000);
    assert.deepEqual(recorder.seen, ['put /frozen/a=1', 'put /frozen/b=2']);
  });

  test('a member that is cut off from the others is not trusted with a watch', async (t) => {
    const [alone, ...others] = cluster.members;
    assert.ok(alone !== undefined);
    const recorder = await follow(connectInOrder(t, [alone.endpoint], quick), '/alone');
    await new V2Keyboard(alone.endpoint).set('/alone/a', '1');
    await until('the watch is at work', () => recorder.seen.length === 1);
    signalMembers(others, 'SIGSTOP');
    t.after(() => thaw(others));
    await until('the silence is noticed', () => recorder.interruptions === 1, 10_000);
    await thaw(others);
    await until('the watch is back', () => recorder.resumes >= 1, 10_000);
    await retried(() => new V2Keyboard(alone.endpoint).set('/alone/b', '2'));
    await until('the watch goes on', () => recorder.seen.length === 2, 10_000);
  });

  test('a member that dies costs a watch and a read no more than a moment', async (t) => {
    const [dying, ...others] = cluster.members;
    assert.ok(dying !== undefined);
    const client = connectInOrder(t, urls([dying, ...others]));
    const recorder = await follow(client, '/dying');
    await client.create('/dying/a', '1');
    await until('the watch is at work', () => recorder.seen.length === 1);
    signalMembers([dying], 'SIGKILL');
    t.after(() => cluster.restart(dying.name));
    await retried(() => client.create('/dying/b', '2'));
    await until('the watch goes on', () => recorder.seen.length === 2, 10_000);
    assert.equal((await client.get('/dying/b'))?.value, '2');
  });
});

/** While there is no leader a write fails. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
