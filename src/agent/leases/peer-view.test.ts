import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { attributesOf, leaseOf, seededRandom } from './lease-builders.ts';
import { type PeerDifference, PeerView } from './peer-view.ts';
import type { LeaseChange, LeaseEvent } from './store.ts';

const OWN = leaseOf('10.5.9.0-24', '10.77.0.9', { created: 3, modified: 10 });
const A = leaseOf('10.5.1.0-24', '10.77.0.1', { created: 4 });
const B = leaseOf('10.5.2.0-24', '10.77.0.2', { created: 5 });
const A_MOVED = { ...A, attributes: attributesOf('10.77.0.1', '7e:74:c7:9e:78:6a'), modified: 20 };

function snapshot(
  leases: readonly Lease[],
  revision = 11,
  rejected: readonly { key: string; reason: string }[] = [],
): LeaseEvent {
  return { type: 'snapshot', revision, leases, rejected };
}

function changes(...list: readonly LeaseChange[]): LeaseEvent {
  return { type: 'changes', revision: 30, changes: list };
}

function put(lease: Lease): LeaseChange {
  return { type: 'put', lease };
}

function gone(lease: Lease): LeaseChange {
  return { type: 'gone', subnet: lease.subnet };
}

function started(...peers: readonly Lease[]): PeerView {
  const view = new PeerView();
  view.setOwn(OWN);
  view.apply(snapshot([...peers, OWN]));
  return view;
}

function briefly(difference: PeerDifference): string {
  const names = (leases: readonly Lease[]): string => leases.map((lease) => formatSubnetKey(lease.subnet)).join(' ');
  return `+${names(difference.added)} ~${names(difference.changed)} -${names(difference.removed)}`;
}

test('the first snapshot announces every peer and never the own lease', () => {
  const view = new PeerView();
  view.setOwn(OWN);
  assert.equal(briefly(view.apply(snapshot([A, OWN, B]))), '+10.5.1.0-24 10.5.2.0-24 ~ -');
  assert.deepEqual(view.peers, [A, B]);
});

test('a second snapshot announces what came, changed and went, and never the own lease (D-06, D-07)', () => {
  const view = started(A, B);
  const c = leaseOf('10.5.3.0-24', '10.77.0.3');
  const difference = view.apply(snapshot([A_MOVED, c, OWN], 40));
  assert.equal(briefly(difference), '+10.5.3.0-24 ~10.5.1.0-24 -10.5.2.0-24');
  assert.equal(difference.own, undefined);
  assert.deepEqual(difference.removed, [B], 'with what was known of it');
  assert.deepEqual(view.peers, [A_MOVED, c]);
  assert.equal(view.revision, 40);
});

test('since when a peer is known: from its first event with what it publishes now, to the second', () => {
  const view = new PeerView();
  view.setOwn(OWN);
  view.apply(snapshot([A, B, OWN]), 10_400);
  assert.deepEqual([view.since(A.subnet), view.since(B.subnet), view.since(OWN.subnet)], [10_000, 10_000, undefined]);
  view.apply(changes(put({ ...B, modified: 30 })), 20_000);
  assert.equal(view.since(B.subnet), 10_000, 'a renewal');
  view.apply(changes(put(A_MOVED), gone(B)), 30_000);
  assert.deepEqual([view.since(A.subnet), view.since(B.subnet)], [30_000, undefined]);
  view.setOwn(A_MOVED);
  assert.equal(view.since(A.subnet), undefined, 'it is ours now');
});

test('an equal snapshot announces nothing', () => {
  assert.equal(briefly(started(A, B).apply(snapshot([B, A, OWN], 40))), '+ ~ -');
});

test('an unreadable event is reported and changes nothing (D-01)', () => {
  const view = started(A, B);
  const record = { key: '/p/subnets/10.5.1.0-24', reason: 'junk', subnet: A.subnet };
  const difference = view.apply(changes({ type: 'rejected', record }));
  assert.equal(briefly(difference), '+ ~ -');
  assert.deepEqual(difference.rejected, [record]);
  assert.equal(view.size, 2);
});

test('a record that turned unreadable keeps its last good lease, over snapshots too, until its key is deleted', () => {
  const view = started(A, B);
  const record = { key: '/p/subnets/10.5.1.0-24', reason: 'junk', subnet: A.subnet };
  view.apply(changes({ type: 'rejected', record }));
  assert.equal(briefly(view.apply(snapshot([B, OWN], 40, [record]))), '+ ~ -');
  assert.equal(briefly(view.apply(changes(gone(A)))), '+ ~ -10.5.1.0-24');
});

test('an own record that is unreadable in a snapshot is not gone', () => {
  const record = { key: '/p/subnets/10.5.9.0-24', reason: 'junk', subnet: OWN.subnet };
  assert.equal(started(A).apply(snapshot([A], 40, [record])).own, undefined);
});

test('a renewal with unchanged attributes is no change, one with a new MAC is', () => {
  const view = started(A, B);
  assert.equal(briefly(view.apply(changes(put({ ...A, modified: 25 })))), '+ ~ -');
  assert.equal(view.peers[0]?.modified, 25);
  assert.equal(briefly(view.apply(changes(put(A_MOVED)))), '+ ~10.5.1.0-24 -');
});

test('an interruption withdraws nothing', () => {
  const view = started(A, B);
  const fault = new Fault('etcd.tcp', { what: 'cut' });
  assert.equal(briefly(view.apply({ type: 'interrupted', fault })), '+ ~ -');
  assert.equal(briefly(view.apply({ type: 'resumed' })), '+ ~ -');
  assert.equal(view.size, 2);
});

test('a deletion of what is not known is nothing', () => {
  assert.equal(briefly(started(A).apply(changes(gone(B)))), '+ ~ -');
});

test('several changes of one peer in one event add up', () => {
  assert.equal(briefly(started(A).apply(changes(put(B), gone(B)))), '+ ~ -');
  assert.equal(briefly(started(A).apply(changes(gone(A), put(A_MOVED)))), '+ ~10.5.1.0-24 -');
  assert.equal(briefly(started(A).apply(changes(gone(A), put(A)))), '+ ~ -');
  assert.equal(briefly(started(A).apply(changes(put(A_MOVED), gone(A)))), '+ ~ -10.5.1.0-24');
  assert.equal(briefly(started().apply(changes(put(A), put(A_MOVED)))), '+10.5.1.0-24 ~ -');
});

test('our own write, and all that came before it, is no news', () => {
  const view = started(A);
  assert.equal(view.apply(changes(put(OWN))).own, undefined);
  assert.equal(view.apply({ type: 'changes', revision: 9, changes: [gone(OWN)] }).own, undefined);
  const before = { ...OWN, created: 2, modified: 2 };
  const replay = { type: 'changes', revision: 12, changes: [put(before), gone(before), put(OWN)] } as const;
  assert.equal(view.apply(replay).own, undefined);
});

test('a later write to our own key, or its deletion, is told, and not as a peer', () => {
  const other = { ...OWN, attributes: attributesOf('10.77.0.66'), modified: 31 };
  const difference = started(A).apply(changes(put(other)));
  assert.deepEqual(difference.own, { type: 'put', lease: other });
  assert.equal(briefly(difference), '+ ~ -');
  assert.deepEqual(started(A).apply(changes(gone(OWN))).own, { type: 'gone' });
  assert.deepEqual(started(A).apply(snapshot([A], 40)).own, { type: 'gone' });
  assert.deepEqual(started(A).apply(snapshot([A, other], 40)).own, { type: 'put', lease: other });
});

test('after a store went back in time every record on our key is news, and so is its absence', () => {
  const older = { ...OWN, modified: 5 };
  assert.deepEqual(started(A).apply(snapshot([A, older], 6)).own, { type: 'put', lease: older });
  assert.deepEqual(started(A).apply(snapshot([A], 6)).own, { type: 'gone' });
  const record = { key: '/p/subnets/10.5.9.0-24', reason: 'junk', subnet: OWN.subnet, created: 3, modified: 5 };
  assert.deepEqual(started(A).apply({ type: 'snapshot', revision: 6, leases: [A], rejected: [record] }).own, {
    type: 'gone',
  });
  assert.equal(started(A).apply(snapshot([A, OWN], 10)).own, undefined);
});

test('after a store went back in time, what happens to our key at lower revisions than that of our last write is news too', () => {
  const view = new PeerView();
  view.setOwn({ ...OWN, modified: 50 });
  assert.equal(view.apply(snapshot([{ ...OWN, modified: 4 }], 8)).own?.type, 'put');
  const gone = view.apply({ type: 'changes', revision: 9, changes: [{ type: 'gone', subnet: OWN.subnet }] });
  assert.equal(gone.own?.type, 'gone');
  view.setOwn({ ...OWN, modified: 12 });
  const late = view.apply({ type: 'changes', revision: 11, changes: [{ type: 'gone', subnet: OWN.subnet }] });
  assert.equal(late.own, undefined, 'and what came before the next write is none');
});

test('in another history a record on our key that nobody can read is news, whatever its revision', () => {
  const view = new PeerView();
  view.setOwn(OWN);
  const record = { key: 'ours', reason: 'no JSON', subnet: OWN.subnet, created: 2, modified: OWN.modified };
  assert.deepEqual(view.apply(snapshot([A], 12, [record])).own, { type: 'gone' });
});

test('the listing that our lease was made from is older than our lease, and makes no news of it', () => {
  const view = new PeerView();
  view.setOwn(OWN);
  view.apply(snapshot([OWN], 9));
  assert.equal(view.apply({ type: 'changes', revision: 10, changes: [put(OWN)] }).own, undefined);
});

test('whatever the events, the differences lead from one set of peers to the next', () => {
  const random = seededRandom(5);
  const some = (): Lease =>
    leaseOf(`10.5.${Math.floor(random() * 6)}.0-24`, '10.77.0.1', {
      attributes: attributesOf('10.77.0.1', `02:00:00:00:00:0${Math.floor(random() * 3)}`),
    });
  const view = new PeerView();
  view.setOwn(leaseOf('10.5.5.0-24', '10.77.0.9'));
  const mirror = new Map<string, Lease>();
  for (let step = 1; step < 3000; step++) {
    const list = Array.from({ length: Math.floor(random() * 5) }, some);
    const unique = [...new Map(list.map((lease) => [formatSubnetKey(lease.subnet), lease])).values()];
    const mixed = list.map((lease): LeaseChange => (random() < 0.5 ? put(lease) : gone(lease)));
    const difference = view.apply(
      random() < 0.2 ? snapshot(unique, step) : { type: 'changes', revision: step, changes: mixed },
    );
    for (const lease of difference.removed) assert.ok(mirror.delete(formatSubnetKey(lease.subnet)));
    for (const lease of difference.added) {
      assert.ok(!mirror.has(formatSubnetKey(lease.subnet)));
      mirror.set(formatSubnetKey(lease.subnet), lease);
    }
    for (const lease of difference.changed) {
      const known = mirror.get(formatSubnetKey(lease.subnet));
      assert.ok(known !== undefined);
      mirror.set(formatSubnetKey(lease.subnet), lease);
    }
    assert.equal(view.size, mirror.size);
    for (const lease of view.peers) {
      assert.notEqual(formatSubnetKey(lease.subnet), '10.5.5.0-24');
      const known = mirror.get(formatSubnetKey(lease.subnet));
      assert.ok(known !== undefined && sameLeaseAttributes(known.attributes, lease.attributes));
    }
  }
});
