import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import { annotationNames, readAnnotations } from './kube-annotations.ts';
import { peerOfNode } from './kube-peer.ts';

const NAMES = annotationNames('flannel.alpha.coreos.com');
const PEER = {
  [NAMES.managed]: 'true',
  [NAMES.backendType]: 'vxlan',
  [NAMES.backendData]: '{"VtepMAC":"aa:bb:cc:00:00:01"}',
  [NAMES.publicIp]: '10.77.0.12',
};

for (const [prefix, name] of [
  ['flannel.alpha.coreos.com', 'flannel.alpha.coreos.com/backend-data'],
  ['flannel.alpha.coreos.com/', 'flannel.alpha.coreos.com/backend-data'],
  ['x.y/z', 'x.y/z-backend-data'],
  ['x.y/z-', 'x.y/z-backend-data'],
] as const) {
  test(`the prefix ${prefix} makes ${name}`, () => {
    assert.equal(annotationNames(prefix).backendData, name);
  });
}

for (const prefix of ['', 'nodot', 'a.b/c/d', 'A.b', 'a.b/Z', 'a.b/c.d', '/x', 'a.b//']) {
  test(`the prefix "${prefix}" is refused`, () => {
    assert.throws(
      () => annotationNames(prefix),
      (error) => error instanceof Fault && error.code === 'usage.flag',
    );
  });
}

test('a node takes part only when the annotation says exactly true', () => {
  assert.equal(readAnnotations(PEER, NAMES).type, 'lease');
  for (const managed of [undefined, 'True', 'yes', '']) {
    assert.equal(readAnnotations({ ...PEER, [NAMES.managed]: managed }, NAMES).type, 'none');
  }
});

test('data is read as JSON, and null is none', () => {
  const read = readAnnotations(PEER, NAMES);
  assert.ok(read.type === 'lease');
  assert.deepEqual(read.attributes.backendData, { VtepMAC: 'aa:bb:cc:00:00:01' });
  const none = readAnnotations({ ...PEER, [NAMES.backendData]: 'null' }, NAMES);
  assert.ok(none.type === 'lease');
  assert.equal(none.attributes.backendData, undefined);
});

test('a node of IPv6 alone has no IPv4 address', () => {
  const read = readAnnotations({ ...PEER, [NAMES.publicIp]: undefined, [NAMES.publicIpv6]: 'fd00::12' }, NAMES);
  assert.ok(read.type === 'lease');
  assert.equal(read.attributes.publicIp, 0);
  assert.equal(read.attributes.publicIpv6, (0xfd00n << 112n) | 0x12n);
});

for (const [sentence, annotations] of [
  ['no address', { [NAMES.publicIp]: undefined }],
  ['an IPv6 address for the IPv4 one', { [NAMES.publicIp]: 'fd00::1' }],
  ['an address that tries to leave its quotes', { [NAMES.publicIp]: '1.2.3.4","BackendType":"x' }],
  ['data that tries to leave its place', { [NAMES.backendData]: '1,"PublicIP":"1.2.3.4"' }],
  ['data that is nested without end', { [NAMES.backendData]: '['.repeat(3000) + ']'.repeat(3000) }],
  ['data without end', { [NAMES.backendData]: `"${'x'.repeat(20_000)}"` }],
  ['an annotation that is no text', { [NAMES.backendData]: 7 }],
] as const) {
  test(`a peer with ${sentence} is rejected with a reason`, () => {
    assert.equal(readAnnotations({ ...PEER, ...annotations }, NAMES).type, 'rejected');
  });
}

test('no node whatever makes the reader throw', () => {
  const node = { name: 'n', uid: 'u', resourceVersion: '1', createdMs: 0, networkUnavailable: undefined };
  const annotations = fc.dictionary(fc.constantFrom(...Object.values(NAMES)), fc.oneof(fc.string(), fc.json()));
  fc.assert(
    fc.property(annotations, fc.array(fc.string()), (given, podCidrs) => {
      peerOfNode({ ...node, annotations: { ...given, [NAMES.managed]: 'true' }, podCidrs }, NAMES);
    }),
  );
});
