/**
 * The kernel's type information (BTF), as far as is needed to call a function of the kernel by name: the number of that
 * function. A module's continues the kernel's: its types are numbered behind those, and so are its names. Pure.
 */
import { Fault } from '#runtime/fault.ts';

const MAGIC = 0xeb9f;
const TYPE_BYTES = 12;
const KIND = { function: 12 } as const;
/** Bytes behind the common part of a type, for each kind: fixed, and for each of its members. */
const EXTRA: Readonly<Record<number, readonly [fixed: number, each: number]>> = {
  1: [4, 0],
  2: [0, 0],
  3: [12, 0],
  4: [0, 12],
  5: [0, 12],
  6: [0, 8],
  7: [0, 0],
  8: [0, 0],
  9: [0, 0],
  10: [0, 0],
  11: [0, 0],
  12: [0, 0],
  13: [0, 8],
  14: [4, 0],
  15: [0, 12],
  16: [0, 0],
  17: [4, 0],
  18: [0, 0],
  19: [0, 12],
};

export interface TypeInformation {
  readonly bytes: Buffer;
  /** What a module's continues: number of types and bytes of names before. */
  readonly base: { readonly types: number; readonly names: number };
}

export interface FunctionNumbers {
  /** By name; those that are not there are left out. */
  readonly numbers: ReadonlyMap<string, number>;
  /** What continues this one is based on. */
  readonly next: TypeInformation['base'];
}

/** Numbers of the functions that have those names. Fault `kernel.bpf` when it is not type information. */
export function findFunctions({ bytes, base }: TypeInformation, wanted: readonly string[]): FunctionNumbers {
  if (bytes.length < 24 || bytes.readUInt16LE(0) !== MAGIC) throw unreadable('it does not begin as such');
  const header = bytes.readUInt32LE(4);
  const [typeStart, typeLength, nameStart, nameLength] = [8, 12, 16, 20].map((at) => bytes.readUInt32LE(at));
  const types = section(bytes, header, typeStart, typeLength);
  const names = section(bytes, header, nameStart, nameLength);
  const offsets = new Map(wanted.map((name) => [base.names + offsetOf(names, name), name]));
  const numbers = new Map<string, number>();
  // Number 0 is void, and is not in the file.
  let number = base.types === 0 ? 1 : base.types;
  for (let at = 0; at < types.length; number += 1) {
    if (at + TYPE_BYTES > types.length) throw unreadable('it is cut short');
    const info = types.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const extra = EXTRA[kind];
    if (extra === undefined) throw unreadable(`kind ${kind} is not known`);
    if (kind === KIND.function) {
      const name = offsets.get(types.readUInt32LE(at));
      if (name !== undefined) numbers.set(name, number);
    }
    at += TYPE_BYTES + extra[0] + extra[1] * (info & 0xffff);
  }
  return { numbers, next: { types: number, names: base.names + names.length } };
}

function section(bytes: Buffer, header: number, start = 0, length = 0): Buffer {
  if (header + start + length > bytes.length) throw unreadable('it is cut short');
  return bytes.subarray(header + start, header + start + length);
}

/** Of a name among names, each with a zero behind it; -1 when it is not there. */
function offsetOf(names: Buffer, name: string): number {
  const found = names.indexOf(`\0${name}\0`, 0, 'latin1');
  return found < 0 ? Number.NEGATIVE_INFINITY : found + 1;
}

function unreadable(why: string): Fault {
  return new Fault('kernel.bpf', {
    what: "the kernel's type information cannot be read",
    where: '/sys/kernel/btf',
    why,
  });
}
