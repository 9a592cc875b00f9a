import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatVxlanLeaseData, parseVxlanLeaseData } from './lease-data.ts';

test('the text is the one in the recorded leases', () => {
  const text = JSON.stringify(formatVxlanLeaseData(1, '8a:1b:af:8c:b2:78'));
  assert.equal(text, '{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}');
});

for (const data of [
  { VNI: 1, VtepMAC: '8A:1B:af:8c:b2:78' },
  { VtepMAC: '8a:1b:af:8c:b2:78' },
  { vtepmac: '8a:1b:af:8c:b2:78' },
]) {
  test(`${JSON.stringify(data)} is read`, () => {
    assert.deepEqual(parseVxlanLeaseData(data), { mac: '8a:1b:af:8c:b2:78' });
  });
}

for (const data of [
  undefined,
  null,
  [],
  'text',
  {},
  { VtepMAC: null },
  { VtepMAC: '' },
  { VtepMAC: '00:00:00:00:00:00' },
  { VtepMAC: 'ff:ff:ff:ff:ff:ff' },
  { VtepMAC: '01:00:5e:00:00:01' },
  { VtepMAC: '8a:1b:af:8c:b2' },
]) {
  test(`${JSON.stringify(data)} is refused with a reason`, () => {
    assert.match(JSON.stringify(parseVxlanLeaseData(data)), /reason.*(VtepMAC)/);
  });
}

for (const [VNI, isOurs] of [
  [1, true],
  [undefined, true],
  [null, true],
  [2, false],
  ['1', false],
  [1e300, false],
  [{ a: [[[]]] }, false],
] as const) {
  test(`of a peer that says VNI ${JSON.stringify(VNI)}, in a fabric with VNI 1, the data is ${isOurs ? 'used' : 'refused'}`, () => {
    const data = { VtepMAC: '8a:1b:af:8c:b2:78', ...(VNI === undefined ? {} : { VNI }) };
    const parsed = parseVxlanLeaseData(data, 'BackendData', 1);
    if (isOurs) assert.deepEqual(parsed, { mac: '8a:1b:af:8c:b2:78' });
    else assert.match(JSON.stringify(parsed), /BackendData\.VNI is .*, ours is 1/);
    assert.deepEqual(parseVxlanLeaseData(data), { mac: '8a:1b:af:8c:b2:78' });
  });
}
