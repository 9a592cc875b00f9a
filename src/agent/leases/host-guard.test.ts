import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog } from '#runtime/log.ts';
import { HostGuard } from './host-guard.ts';
import { during, GuardedMachine, HOST_KEY, PREFIX, pass } from './host-guard-machine.ts';
import type { HostKeys } from './host-keys.ts';
import { formatHostRecord, hostMarkOf, parseHostRecord } from './host-record.ts';
import { attributesOf } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';

function world(): { clock: ManualClock; etcd: MemoryEtcd; machine: (name: string, boot?: string) => GuardedMachine } {
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock });
  return { clock, etcd, machine: (name, boot) => new GuardedMachine(etcd, clock, name, boot) };
}

const hostKey = (etcd: MemoryEtcd): string => etcd.keyspace.range({ key: HOST_KEY }).kvs[0]?.value ?? '';
const leaseKeys = (etcd: MemoryEtcd): readonly { value: string; modRevision: number }[] =>
  etcd.keyspace.range({ key: `${PREFIX}/subnets/`, rangeEnd: `${PREFIX}/subnets0` }).kvs;

test('a living machine answers and keeps its address; its lease is not touched', async () => {
  const { clock, etcd, machine } = world();
  const [owner, clone] = [machine('a'), machine('bb')];
  assert.equal(await during(clock, owner.claim()), 'ours');
  const before = leaseKeys(etcd);
  assert.equal(await during(clock, clone.claim()), 'held');
  assert.deepEqual(leaseKeys(etcd), before);
  assert.equal(hostKey(etcd), formatHostRecord(owner.mark));
  assert.equal(await during(clock, owner.claim()), 'ours');
});

test('the owner says once of each machine that it asked', async () => {
  const { clock, machine } = world();
  const owner = machine('a');
  await during(clock, owner.claim());
  const [clone, other] = [machine('bb'), machine('ccc')];
  for (const asker of [clone, clone, other]) assert.equal(await during(clock, asker.claim()), 'held');
  assert.equal(owner.said('another machine wants our address'), 2);
});

test('a machine that does not answer in time is gone: its address and subnet are taken over, which is said', async () => {
  const { clock, etcd, machine } = world();
  const [gone, fresh] = [machine('a'), machine('bb')];
  await during(clock, gone.claim());
  gone.die();
  const since = clock.now();
  assert.equal(await during(clock, fresh.claim()), 'ours');
  assert.ok(clock.now() - since >= 2000);
  assert.equal(hostKey(etcd), formatHostRecord(fresh.mark));
  assert.deepEqual(fresh.lease?.subnet, gone.lease?.subnet);
  assert.equal(leaseKeys(etcd).length, 1);
  assert.equal(fresh.said('address taken over from a machine that does not answer'), 1);
});

test('a restart on the same machine and boot asks nobody and waits for nothing', async () => {
  const { clock, machine } = world();
  const first = machine('a');
  await during(clock, first.claim());
  first.die();
  const since = clock.now();
  assert.equal(await during(clock, machine('a').claim(), 1), 'ours');
  assert.ok(clock.now() - since < 1000);
});

test('a copy of the disk has another boot, and is found out', async () => {
  const { clock, machine } = world();
  const owner = machine('a');
  await during(clock, owner.claim());
  assert.equal(await during(clock, machine('a', 'boot of the copy').claim()), 'held');
});

test('a clone gets the address when the other goes, but not during an upgrade of its agent', async () => {
  const { clock, machine } = world();
  const [owner, clone] = [machine('a'), machine('bb')];
  await during(clock, owner.claim());
  assert.equal(await during(clock, clone.claim()), 'held');
  owner.die();
  assert.equal(await during(clock, clone.claim()), 'held');
  const upgraded = machine('a');
  assert.equal(await during(clock, upgraded.claim()), 'ours');
  upgraded.die();
  clock.advance(300_000);
  assert.equal(await during(clock, clone.claim()), 'ours');
});

test('a question that somebody asked before and nobody answered is not asked again', async () => {
  const { clock, etcd, machine } = world();
  const gone = machine('a');
  await during(clock, gone.claim());
  gone.die();
  const asked = { ...gone.mark, asker: hostMarkOf('x', 'y', 'z') };
  const { lease } = etcd.keyspace.range({ key: HOST_KEY }).kvs[0] ?? assert.fail();
  const revision = etcd.putRaw(HOST_KEY, formatHostRecord(asked), lease);
  const claiming = machine('bb').claim();
  await pass(clock, 2000);
  assert.equal(etcd.keyspace.range({ key: HOST_KEY }).kvs[0]?.modRevision, revision);
  assert.equal(await during(clock, claiming), 'ours');
});

test('who was cut off while another took its address takes it back, and the younger claim gives way', async () => {
  const { clock, etcd, machine } = world();
  const [owner, clone] = [machine('a'), machine('bb')];
  await during(clock, owner.claim());
  owner.client.cut();
  assert.equal(await during(clock, clone.claim()), 'ours');
  owner.client.heal();
  await pass(clock, 3000);
  assert.equal(parseHostRecord(hostKey(etcd))?.machine, owner.mark.machine);
  assert.equal(owner.said('is taken back'), 1);
  assert.equal(clone.said('by an older claim'), 1);
  assert.equal(await during(clock, owner.claim()), 'ours');
  assert.equal(await during(clock, clone.claim()), 'held');
  assert.equal(hostKey(etcd), formatHostRecord(owner.mark));
});

test('an owner that renews before it hears of the other takes its address back too', async () => {
  const { clock, etcd, machine } = world();
  const [owner, clone] = [machine('a'), machine('bb')];
  await during(clock, owner.claim());
  owner.client.cut();
  await during(clock, clone.claim());
  owner.client.heal();
  assert.equal(await during(clock, owner.claim(), 1), 'ours');
  assert.equal(hostKey(etcd), formatHostRecord(owner.mark));
});

test('an unreadable host key is written anew and said once, and at most once a second', async () => {
  const { clock, etcd, machine } = world();
  const owner = machine('a');
  await during(clock, owner.claim());
  const { lease } = etcd.keyspace.range({ key: HOST_KEY }).kvs[0] ?? assert.fail();
  const before = etcd.keyspace.revision;
  let written = 0;
  for (; written < 50; written += 1) {
    etcd.putRaw(HOST_KEY, `junk ${written}`, lease);
    await pass(clock, 100);
  }
  await pass(clock, 2000);
  assert.equal(hostKey(etcd), formatHostRecord(owner.mark));
  assert.ok(etcd.keyspace.revision - before - written <= 7, 'it answers every write');
  assert.equal(owner.said('cannot be read and is written anew'), 1);
});

test('an answer that does not get through is given when etcd is back', async () => {
  const { clock, etcd, machine } = world();
  const owner = machine('a');
  await during(clock, owner.claim());
  const { lease } = etcd.keyspace.range({ key: HOST_KEY }).kvs[0] ?? assert.fail();
  etcd.putRaw(HOST_KEY, formatHostRecord({ ...owner.mark, asker: hostMarkOf('x', 'y', 'z') }), lease);
  owner.client.cut();
  await pass(clock, 1500);
  assert.ok(parseHostRecord(hostKey(etcd))?.asker !== undefined);
  owner.client.heal();
  await pass(clock, 3000);
  assert.equal(hostKey(etcd), formatHostRecord(owner.mark));
});

test('a store that loses its host keys with a write is said to find no clones any more', async () => {
  const logged: string[] = [];
  const log = createLog({ verbose: true, journal: true, write: (line) => logged.push(line), now: () => 0 });
  const store: { hosts: HostKeys | undefined } = {
    hosts: { mark: hostMarkOf('m', 'b', 'n'), read: async () => undefined, watch: () => () => undefined },
  };
  const guard = new HostGuard({ store, clock: new ManualClock(), log });
  const write = async (): Promise<string> => {
    store.hosts = undefined;
    return 'written';
  };
  const attributes = attributesOf('10.77.0.11');
  assert.equal(await guard.protect(attributes, write), 'written');
  assert.equal(await guard.protect(attributes, write), 'written');
  guard.hold(attributes, 1);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /clones of this host cannot be found out/);
});

test('other faults of the store pass through at once', async () => {
  const { clock, machine } = world();
  const owner = machine('a');
  owner.client.cut();
  await assert.rejects(
    during(clock, owner.claim()),
    (error) => error instanceof Fault && error.code.startsWith('etcd.'),
  );
});
