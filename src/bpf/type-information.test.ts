import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFunctions } from './type-information.ts';

const NONE = { types: 0, names: 0 };
const KIND = { int: 1, struct: 4, function: 12 } as const;

interface Type {
  readonly kind: keyof typeof KIND;
  readonly name: string;
}

/** Type information with these types in order, whose names come behind `base` bytes of names. */
function information(types: readonly Type[], base = 0): Buffer {
  let names = '\0';
  const records = types.map(({ kind, name }) => {
    const members = kind === 'struct' ? 2 : 0;
    const extra = kind === 'struct' ? 12 * members : kind === 'int' ? 4 : 0;
    const record = Buffer.alloc(12 + extra);
    record.writeUInt32LE(base + names.length, 0);
    record.writeUInt32LE(((KIND[kind] << 24) | members) >>> 0, 4);
    names += `${name}\0`;
    return record;
  });
  const body = Buffer.concat(records);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(body.length, 12);
  header.writeUInt32LE(body.length, 16);
  header.writeUInt32LE(names.length, 20);
  return Buffer.concat([header, body, Buffer.from(names)]);
}

const KERNEL = information([
  { kind: 'int', name: 'int' },
  { kind: 'struct', name: 'wanted' },
  { kind: 'function', name: 'not_wanted' },
  { kind: 'function', name: 'wanted' },
]);

test('a function is found by name, and not a type of the same name', () => {
  const { numbers } = findFunctions(
    {
      bytes: information([
        { kind: 'int', name: 'a' },
        { kind: 'function', name: 'f' },
      ]),
      base: NONE,
    },
    ['f', 'g', 'a'],
  );
  assert.deepEqual([...numbers], [['f', 2]]);
});

test("a module's types and names are numbered behind the kernel's", () => {
  const { next } = findFunctions({ bytes: KERNEL, base: NONE }, []);
  assert.equal(next.types, 5);
  const module = information(
    [
      { kind: 'struct', name: 's' },
      { kind: 'function', name: 'of_module' },
    ],
    next.names,
  );
  const { numbers } = findFunctions({ bytes: module, base: next }, ['of_module', 'wanted']);
  assert.deepEqual([...numbers], [['of_module', 6]]);
});

test('what is no type information is a Fault: other bytes, cut short, kinds that are not known', () => {
  const refused = (bytes: Buffer): void =>
    assert.throws(() => findFunctions({ bytes, base: NONE }, ['f']), { code: 'kernel.bpf' });
  refused(Buffer.alloc(0));
  refused(Buffer.alloc(64));
  refused(KERNEL.subarray(0, 40));
  const unknown = Buffer.from(KERNEL);
  unknown.writeUInt32LE(31 << 24, 24 + 4);
  refused(unknown);
});
