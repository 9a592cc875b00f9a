/** bpf(2): the commands that are used here, each as a function of values. A refusal is a Fault `kernel.bpf`. */
import { loadNative } from '#netlink/native.ts';
import { Fault } from '#runtime/fault.ts';

/** Commands and attach types of linux/bpf.h. */
const COMMAND = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  programLoad: 5,
  objectInfo: 15,
  typesById: 19,
  typesNextId: 23,
  linkCreate: 28,
} as const;
const PROGRAM_TYPE_SCHED_CLS = 3;
const TCX_INGRESS = 46;
const ATTRIBUTE_BYTES = 128;
const LOG_BYTES = 64 * 1024;
const MOST_ATTEMPTS = 20;
const NAME_BYTES = 15;
/** Struct bpf_btf_info. */
const TYPES_INFO_BYTES = 32;

export interface NewMap {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
}

export interface NewProgram {
  readonly name: string;
  readonly instructions: Uint8Array;
  readonly license: string;
  /** Descriptors of modules' type information, which instructions name by their place. */
  readonly modules: readonly number[];
}

/** Each number is at its offset of union bpf_attr, four bytes wide. */
type Fields = readonly (readonly [offset: number, value: number])[];
type Buffers = readonly (readonly [offset: number, buffer: Uint8Array])[];

/** Creates a map; its descriptor. */
export function createMap(map: NewMap): number {
  const attributes = newAttributes([
    [0, map.type],
    [4, map.keySize],
    [8, map.valueSize],
    [12, map.entries],
  ]);
  attributes.write(map.name.slice(0, NAME_BYTES), 28, 'latin1');
  return call('mapCreate', attributes, [], `make the map ${map.name}`);
}

/** Has the kernel verify and take a program for the tc hooks; its descriptor. The Fault holds the verifier's last words. */
export function loadProgram({ name, instructions, license, modules }: NewProgram): number {
  const attributes = newAttributes([
    [0, PROGRAM_TYPE_SCHED_CLS],
    [4, instructions.length / 8],
    [68, TCX_INGRESS],
  ]);
  attributes.write(name.slice(0, NAME_BYTES), 48, 'latin1');
  const buffers: Buffers = [
    [8, instructions],
    [16, Buffer.from(`${license}\0`)],
    // The place 0 stands for the kernel itself.
    [120, Uint8Array.from(new Uint8Array(Int32Array.from([0, ...modules]).buffer))],
  ];
  for (let attempt = 1; ; attempt += 1) {
    try {
      return call('programLoad', attributes, buffers, `load the program ${name}`);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // A signal that comes in the middle (Node's own, too) ends the verifier's work: nothing is wrong with the program.
      if (codeOf(error) === 'EAGAIN' && attempt < MOST_ATTEMPTS) continue;
      throw withVerifierLog(error, attributes, buffers, name);
    }
  }
}

/** Asks again for the reason, which costs time and memory that a load that succeeds is spared. */
function withVerifierLog(fault: Fault, attributes: Buffer, buffers: Buffers, name: string): Fault {
  const log = Buffer.alloc(LOG_BYTES);
  attributes.writeUInt32LE(1, 24);
  attributes.writeUInt32LE(log.length, 28);
  try {
    loadNative().close(call('programLoad', attributes, [...buffers, [32, log]], `load the program ${name}`));
    return fault;
  } catch (cause) {
    const text = log.toString('latin1', 0, Math.max(0, log.indexOf(0)));
    const why = text.trim().split('\n').slice(-4).join('; ');
    if (why === '') return fault;
    return new Fault('kernel.bpf', { what: `the kernel does not accept the program ${name}`, why, cause });
  }
}

/** A program attached to the ingress of a device. It is detached when the descriptor is closed, by this process's end too. */
export function attachIngress(program: number, deviceIndex: number): number {
  const attributes = newAttributes([
    [0, program],
    [4, deviceIndex],
    [8, TCX_INGRESS],
  ]);
  try {
    return call('linkCreate', attributes, [], `attach to device ${deviceIndex}`);
  } catch (error) {
    if (!(error instanceof Fault) || codeOf(error) !== 'EINVAL') throw error;
    const what = 'the kernel cannot attach programs by links (tcx), which came with Linux 6.6';
    throw new Fault('kernel.bpf', {
      what,
      ...(error.cause instanceof Error && { why: error.cause.message }),
      cause: error,
    });
  }
}

/** Index of the device that the link is attached to; 0 when it was detached or the device is gone. */
export function attachedTo(link: number): number {
  const info = Buffer.alloc(64);
  call(
    'objectInfo',
    newAttributes([
      [0, link],
      [4, info.length],
    ]),
    [[8, info]],
    'look at an attached program',
  );
  return info.readUInt32LE(16);
}

export function readMap(map: number, key: Uint8Array, valueBytes: number): Buffer | undefined {
  const value = Buffer.alloc(valueBytes);
  const buffers: Buffers = [
    [8, key],
    [16, value],
  ];
  return absentOn('ENOENT', () => {
    call('mapLookup', newAttributes([[0, map]]), buffers, 'read a map');
    return value;
  });
}

export function writeMap(map: number, key: Uint8Array, value: Uint8Array): void {
  call(
    'mapUpdate',
    newAttributes([[0, map]]),
    [
      [8, key],
      [16, value],
    ],
    'write a map',
  );
}

/** That it is not there is success. */
export function deleteFromMap(map: number, key: Uint8Array): void {
  absentOn('ENOENT', () => call('mapDelete', newAttributes([[0, map]]), [[8, key]], 'delete from a map'));
}

/** All keys of a map that nobody else writes meanwhile; `most` bounds a walk that begins anew. */
export function keysOf(map: number, keyBytes: number, most: number): readonly Buffer[] {
  const keys: Buffer[] = [];
  let last: Buffer | undefined;
  while (keys.length < most) {
    const next = Buffer.alloc(keyBytes);
    const before: Buffers = last === undefined ? [] : [[8, last]];
    const found = absentOn('ENOENT', () =>
      call('mapNextKey', newAttributes([[0, map]]), [...before, [16, next]], 'list a map'),
    );
    if (found === undefined) break;
    keys.push(next);
    last = next;
  }
  return keys;
}

/**
 * Descriptor of a module's type information, told by its length in bytes (names are not asked for: that takes an address
 * inside a structure); undefined when the kernel has none. Were it another's, the verifier would refuse the program.
 */
export function openModuleTypes(length: number): number | undefined {
  for (let id = 0; ; ) {
    const attributes = newAttributes([[0, id]]);
    if (absentOn('ENOENT', () => call('typesNextId', attributes, [], 'list type information')) === undefined)
      return undefined;
    id = attributes.readUInt32LE(4);
    const types = absentOn('ENOENT', () => call('typesById', newAttributes([[0, id]]), [], 'open type information'));
    if (types === undefined) continue;
    const info = Buffer.alloc(TYPES_INFO_BYTES);
    call(
      'objectInfo',
      newAttributes([
        [0, types],
        [4, info.length],
      ]),
      [[8, info]],
      'look at type information',
    );
    const isKernels = info.readUInt32LE(28) !== 0;
    if (isKernels && info.readUInt32LE(8) === length) return types;
    loadNative().close(types);
  }
}

function newAttributes(fields: Fields): Buffer {
  const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
  for (const [offset, value] of fields) attributes.writeUInt32LE(value, offset);
  return attributes;
}

function call(command: keyof typeof COMMAND, attributes: Buffer, buffers: Buffers, why: string): number {
  try {
    return loadNative().bpf(
      COMMAND[command],
      attributes,
      buffers.map(([offset]) => offset),
      buffers.map(([, buffer]) => buffer),
    );
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new Fault('kernel.bpf', { what: `the kernel refused to ${why}`, why: cause.message, cause });
  }
}

function absentOn<Result>(code: string, ask: () => Result): Result | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Fault && codeOf(error) === code) return undefined;
    throw error;
  }
}

/** Name of the system's error behind a Fault. */
function codeOf({ cause }: Fault): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
