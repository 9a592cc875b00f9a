import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwarderState } from '#netlink/native.ts';
import { ManualClock } from '#runtime/clock.ts';
import { createLog } from '#runtime/log.ts';
import { TroubleReport } from './trouble-report.ts';

const QUIET: ForwarderState = {
  sentPackets: 0,
  sentBytes: 0,
  receivedPackets: 0,
  receivedBytes: 0,
  noPeer: 0,
  expired: 0,
  malformed: 0,
  oversize: 0,
  unknownSource: 0,
  sendFailed: 0,
  deliverFailed: 0,
  icmpErrors: 0,
  lastSendError: 0,
  endError: 0,
};

function watched(): { readonly clock: ManualClock; counters: ForwarderState; log: string; report: TroubleReport } {
  const clock = new ManualClock();
  const write = (line: string): void => {
    bench.log += line;
  };
  const log = createLog({ verbose: true, journal: true, write, now: () => 0 });
  const bench = { clock, counters: QUIET, log: '', report: new TroubleReport({ clock, log }) };
  bench.report.watch({ device: 'flannel0', counters: () => bench.counters });
  return bench;
}

test('traffic that goes well, ends of TTL and unknown destinations are no trouble', () => {
  const bench = watched();
  bench.counters = { ...QUIET, sentPackets: 1_000, receivedPackets: 1_000, noPeer: 5, expired: 5, icmpErrors: 10 };
  bench.clock.advance(600_000);
  assert.equal(bench.log, '');
});

test('what is new is said once a minute, with its count', () => {
  const bench = watched();
  bench.counters = { ...QUIET, oversize: 3, sendFailed: 2, lastSendError: 101 };
  bench.clock.advance(59_999);
  assert.equal(bench.log, '');
  bench.clock.advance(1);
  assert.deepEqual(bench.log.trimEnd().split('\n'), [
    '<4>level=warn msg="packets longer than the MTU came in: has a peer a larger MTU?" device=flannel0 count=3',
    '<4>level=warn msg="packets could not be sent" device=flannel0 count=2 errno=101',
  ]);
  bench.log = '';
  bench.clock.advance(120_000);
  assert.equal(bench.log, '');
  bench.counters = { ...bench.counters, oversize: 4, unknownSource: 1 };
  bench.clock.advance(60_000);
  assert.match(bench.log, /larger MTU\?" device=flannel0 count=1\n.*addresses of no peer" device=flannel0 count=1\n$/);
});

test('nothing is said after the end', () => {
  const bench = watched();
  bench.report.stop();
  bench.counters = { ...QUIET, malformed: 9 };
  bench.clock.advance(600_000);
  assert.equal(bench.log, '');
});
