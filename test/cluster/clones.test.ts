/** Two machines with one address and one etcd, which both reach over links of their own: the agent as a process. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Etcd, prefixEnd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { AgentHost, etcdFlags, PREFIX, type RunningAgent } from './agent-host.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}';
const ADDRESS = '10.77.0.11/16';
const STORE = '10.99.0.1';

interface Clones {
  readonly etcd: Etcd;
  /** Starts the agent of the first or the second machine. */
  start(machine: 1 | 2): RunningAgent;
}

async function clones(context: TestContext): Promise<Clones> {
  const store = new AgentHost(context, `${STORE}/32`);
  const cluster = await store.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: NETWORK });
  const machines = [1, 2].map((number) => {
    const machine = new AgentHost(context, ADDRESS);
    machine.batch(
      `link add store type veth peer name machine${number} netns ${store.namespace}`,
      'link set store up',
      `address add 10.99.${number}.2/30 dev store`,
    );
    store.batch(`link set machine${number} up`, `address add 10.99.${number}.1/30 dev machine${number}`);
    machine.batch(`route add ${STORE}/32 via 10.99.${number}.1`);
    writeFileSync(join(machine.directory, 'machine-id'), `${String(number).repeat(32)}\n`);
    return machine;
  });
  return {
    etcd,
    start(number) {
      const machine = machines[number - 1];
      assert.ok(machine !== undefined);
      return machine.start(context, ...etcdFlags(cluster), '-machine-id-file', join(machine.directory, 'machine-id'));
    },
  };
}

async function stored(etcd: Etcd): Promise<readonly string[]> {
  const { kvs } = await etcd.range({ key: PREFIX, rangeEnd: prefixEnd(PREFIX) });
  return kvs.map(({ key, value }) => `${key} ${value}`);
}

test('the clone of a living host is refused with the remedy, and what is in etcd stays', async (context) => {
  const { etcd, start } = await clones(context);
  const owner = start(1);
  await owner.ready();
  const before = await stored(etcd);
  assert.equal(before.length, 3);
  const clone = start(2);
  const [said] = await clone.logged(/^.*lease\.clone.*$/m);
  assert.match(said, /the address 10\.77\.0\.11 is held by another machine/);
  assert.match(said, /systemd-machine-id-setup/);
  await owner.logged(/another machine wants our address/);
  assert.doesNotMatch(clone.log(), /lease acquired/);
  assert.deepEqual(await stored(etcd), before);
});

test('a machine whose former self is gone gets its subnet after it asked in vain', async (context) => {
  const { etcd, start } = await clones(context);
  const former = start(1);
  await former.ready();
  const before = await stored(etcd);
  former.process.kill('SIGKILL');
  await former.ended;
  const fresh = start(2);
  await fresh.logged(/address taken over from a machine that does not answer/);
  await fresh.ready();
  const names = (pairs: readonly string[]): readonly string[] => pairs.map((pair) => pair.split(' ')[0] ?? '');
  assert.deepEqual(names(await stored(etcd)), names(before));
});

test('a restart of the same machine asks nobody', async (context) => {
  const { start } = await clones(context);
  const first = start(1);
  await first.ready();
  first.process.kill('SIGKILL');
  await first.ended;
  const second = start(1);
  await second.ready();
  assert.doesNotMatch(second.log(), /taken over|lease\.clone/);
});
