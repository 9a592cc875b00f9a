import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { MessageReader } from './reader.ts';
import { RECORDED_ANSWERS } from './recorded-traffic.ts';
import { decodeDone, decodeError, refusalFault } from './refusal.ts';

function first(hex: string): MessageReader {
  const message = new MessageReader(Buffer.from(hex, 'hex'));
  assert.ok(message.next());
  return message;
}

test('a refusal carries the errno by name and the kernel’s own words', () => {
  assert.deepEqual(decodeError(first(RECORDED_ANSWERS.refused)), {
    errno: 22,
    code: 'EINVAL',
    text: 'Nexthop id does not exist',
  });
});

test('the end of a dump can be a refusal too', () => {
  assert.deepEqual(decodeDone(first(RECORDED_ANSWERS.strict)), {
    errno: 22,
    code: 'EINVAL',
    text: 'Invalid values in header for neighbor dump request',
  });
});

test('an error of zero is an acknowledgement, and a plain end is no refusal', () => {
  assert.equal(decodeError(first(`24000000020000010700000000000000${'00'.repeat(20)}`)), undefined);
  assert.equal(decodeDone(first('14000000030002000700000000000000' + '00000000')), undefined);
  assert.equal(decodeDone(first('10000000030002000700000000000000')), undefined);
});

test('the words are found behind the whole request when the kernel sends that back', () => {
  const request = `18000000180005000700000000000000${'0102030405060708'}`;
  const words = `09000100${Buffer.from('busy\0').toString('hex')}000000`;
  const message = first(`38000000020000020000000000000000f0ffffff${request}${words}`);
  assert.deepEqual(decodeError(message), { errno: 16, code: 'EBUSY', text: 'busy' });
});

test('an error about a request longer than the answer is refused', () => {
  const bytes = Buffer.from(`24000000020000000700000000000000${'00'.repeat(20)}`, 'hex');
  bytes.writeInt32LE(-22, 16);
  bytes.writeUInt32LE(0x80000000, 20);
  assert.throws(() => decodeError(first(bytes.toString('hex'))), Fault);
});

test('without the kernel’s words the usual text for the errno stands, also for one that has no name', () => {
  const answer = (errno: number): MessageReader => {
    const bytes = Buffer.from(`24000000020000010700000000000000${'00'.repeat(20)}`, 'hex');
    bytes.writeInt32LE(-errno, 16);
    return first(bytes.toString('hex'));
  };
  assert.deepEqual(decodeError(answer(17)), { errno: 17, code: 'EEXIST', text: 'file already exists' });
  assert.deepEqual(decodeError(answer(524)), { errno: 524, code: 'errno 524', text: 'error 524' });
});

test('a refusal as a Fault says what was asked and what the kernel said', () => {
  const fault = refusalFault(
    'ip route replace 10.0.0.0/24',
    { errno: 1, code: 'EPERM', text: 'not permitted' },
    'eth0',
  );
  assert.equal(fault.code, 'kernel.netlink');
  assert.equal(fault.summary, 'ip route replace 10.0.0.0/24 (eth0): the kernel says EPERM: not permitted');
});
