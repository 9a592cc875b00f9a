import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from './fault.ts';
import { FAULTS } from './fault-table.ts';

test('a fault is shown with what, where, why, remedy and code', () => {
  const fault = new Fault('etcd.tcp', { what: 'cannot connect', where: 'https://10.0.0.1:2379', why: 'ECONNREFUSED' });
  assert.equal(
    String(fault),
    `error: cannot connect
  where:  https://10.0.0.1:2379
  why:    ECONNREFUSED
  remedy: ${FAULTS['etcd.tcp'].remedy}
  code:   etcd.tcp`,
  );
  assert.equal(fault.summary, 'cannot connect (https://10.0.0.1:2379): ECONNREFUSED');
  assert.equal(fault.exitCode, 3);
});

test('what is not known is left out, and a remedy of its own replaces the default', () => {
  const fault = new Fault('usage.flag', { what: 'no such flag', remedy: 'leave it out' });
  assert.equal(String(fault), 'error: no such flag\n  remedy: leave it out\n  code:   usage.flag');
  assert.equal(fault.summary, 'no such flag');
});

test('the foreign error stays reachable', () => {
  const cause = new Error('errno');
  assert.equal(new Fault('etcd.tcp', { what: 'x', cause }).cause, cause);
  assert.equal('cause' in new Fault('etcd.tcp', { what: 'x' }), false);
});

test('every code is words joined by dots, and every entry is complete', () => {
  for (const [code, { title, remedy, exit }] of Object.entries(FAULTS)) {
    assert.match(code, /^[a-z]+(\.[a-z-]+)+$/);
    assert(title.length > 0 && remedy.length > 0 && [1, 2, 3].includes(exit), code);
    assert(!title.endsWith('.') && !remedy.endsWith('.'), code);
  }
});
