import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { readBpfObject } from './object.ts';

const NATIVE = join(import.meta.dirname, '../../native');
const BYTES = readFileSync(join(NATIVE, 'fast-path.bpf.o'));

test('the object that is checked in was built of the source that is', () => {
  const source = readFileSync(join(NATIVE, 'fast-path.bpf.c'));
  const digest = createHash('sha256').update(source).digest('hex');
  assert.equal(readBpfObject(BYTES, 'it').source, digest, 'build it anew: make -C native bpf (needs clang)');
});

test('it has the maps and programs that the agent knows, and nothing it does not', () => {
  const { maps, programs, license } = readBpfObject(BYTES, 'it');
  assert.deepEqual(
    maps.map(({ name, keySize, valueSize }) => [name, keySize, valueSize]),
    [
      ['fabric_map', 4, 20],
      ['pods', 4, 20],
      ['counters', 4, 8],
    ],
  );
  assert.deepEqual(
    programs.map(({ name }) => name),
    ['from_pod', 'from_tunnel'],
  );
  assert.equal(license, 'GPL');
  const functions = programs.flatMap(({ references }) => references.filter(({ to }) => to === 'function'));
  assert.deepEqual([...new Set(functions.map(({ name }) => name))].sort(), ['bpf_ct_release', 'bpf_skb_ct_lookup']);
  for (const { instructions, references } of programs) {
    assert.equal(instructions.length % 8, 0);
    assert(references.every(({ instruction }) => instruction < instructions.length / 8));
  }
});

test('whatever else is a Fault that names the file: cut anywhere, changed anywhere, empty, or of another machine', () => {
  const isReadOrRefused = (bytes: Buffer): void => {
    try {
      readBpfObject(bytes, '/the/file');
    } catch (error) {
      assert(error instanceof Fault, String(error));
      assert.equal(error.code, 'kernel.bpf-object');
      assert.match(error.summary, /\/the\/file/);
    }
  };
  assert.throws(() => readBpfObject(Buffer.alloc(0), 'x'), { code: 'kernel.bpf-object' });
  const arm = Buffer.from(BYTES);
  arm.writeUInt16LE(183, 18);
  assert.throws(() => readBpfObject(arm, 'x'), /not for BPF/);
  for (let length = 0; length < BYTES.length; length += 97) isReadOrRefused(BYTES.subarray(0, length));
  for (let at = 0; at < BYTES.length; at += 7) {
    const changed = Buffer.from(BYTES);
    changed.writeUInt8(0xff, at);
    isReadOrRefused(changed);
  }
});
