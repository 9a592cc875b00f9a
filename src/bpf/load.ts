/** An object with its programs in the kernel: maps made, names resolved, programs verified. */
import { existsSync, readFileSync } from 'node:fs';
import { loadNative } from '#netlink/native.ts';
import { Fault } from '#runtime/fault.ts';
import { createMap, loadProgram, openModuleTypes } from './calls.ts';
import type { BpfObject, Program } from './object.ts';
import { findFunctions } from './type-information.ts';

export interface LoadedObject {
  /** Descriptors by name. */
  readonly maps: ReadonlyMap<string, number>;
  readonly programs: ReadonlyMap<string, number>;
  close(): void;
}

/** A function of the kernel: its number, and in which module's type information (0: the kernel's own, else counted from 1). */
interface KernelFunction {
  readonly number: number;
  readonly module: number;
}

const TYPES_DIRECTORY = '/sys/kernel/btf';
const INSTRUCTION_BYTES = 8;
const PSEUDO_MAP = 1;
const PSEUDO_KERNEL_FUNCTION = 2;

/** `module`: where functions are looked for that the kernel itself has not. Fault `kernel.bpf` when the kernel cannot. */
export function loadObject(object: BpfObject, module: string): LoadedObject {
  const native = loadNative();
  const open: number[] = [];
  const close = (): void => {
    for (const fd of open.splice(0)) native.close(fd);
  };
  const keep = (fd: number): number => {
    open.push(fd);
    return fd;
  };
  try {
    const { functions, types } = findKernelFunctions(object, module);
    const modules = types.map(keep);
    const maps = new Map(object.maps.map((map) => [map.name, keep(createMap(map))]));
    const programs = new Map(
      object.programs.map((program) => {
        const instructions = resolve(program, maps, functions);
        return [
          program.name,
          keep(loadProgram({ name: program.name, instructions, license: object.license, modules })),
        ];
      }),
    );
    return { maps, programs, close };
  } catch (error) {
    close();
    throw error;
  }
}

function findKernelFunctions(
  { programs }: BpfObject,
  module: string,
): { readonly functions: ReadonlyMap<string, KernelFunction>; readonly types: readonly number[] } {
  const references = programs.flatMap((program) => program.references);
  const names = [...new Set(references.filter(({ to }) => to === 'function').map(({ name }) => name))];
  if (names.length === 0) return { functions: new Map(), types: [] };
  const own = findFunctions({ bytes: readTypes('vmlinux'), base: { types: 0, names: 0 } }, names);
  const functions = new Map([...own.numbers].map(([name, number]) => [name, { number, module: 0 }]));
  const missing = names.filter((name) => !functions.has(name));
  if (missing.length === 0) return { functions, types: [] };
  const [first] = missing;
  if (!existsSync(`${TYPES_DIRECTORY}/${module}`)) throw noFunction(first, `the module ${module} is not loaded`);
  const bytes = readTypes(module);
  const { numbers } = findFunctions({ bytes, base: own.next }, missing);
  for (const [name, number] of numbers) functions.set(name, { number, module: 1 });
  const absent = missing.find((name) => !functions.has(name));
  if (absent !== undefined) throw noFunction(absent, `nor has the module ${module}`);
  const types = openModuleTypes(bytes.length);
  if (types === undefined) throw noFunction(first, `the module ${module} was unloaded`);
  return { functions, types: [types] };
}

function readTypes(name: string): Buffer {
  const path = `${TYPES_DIRECTORY}/${name}`;
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('kernel.bpf', { what: 'the kernel has no type information (BTF)', where: path, why, cause });
  }
}

function noFunction(name: string | undefined, why: string): Fault {
  return new Fault('kernel.bpf', { what: `the kernel has no function ${name ?? ''} for BPF programs`, why });
}

/** The instructions with descriptors and numbers in place of names. */
function resolve(
  { instructions, references }: Program,
  maps: ReadonlyMap<string, number>,
  functions: ReadonlyMap<string, KernelFunction>,
): Buffer {
  const resolved = Buffer.from(instructions);
  for (const { instruction, to, name } of references) {
    const at = instruction * INSTRUCTION_BYTES;
    const map = to === 'map' ? maps.get(name) : undefined;
    const called = to === 'function' ? functions.get(name) : undefined;
    // The high half of the second byte is the source register, which says what the number is.
    const destination = resolved.readUInt8(at + 1) & 0x0f;
    if (map !== undefined) {
      resolved.writeUInt8(destination | (PSEUDO_MAP << 4), at + 1);
      resolved.writeInt32LE(map, at + 4);
    } else if (called !== undefined) {
      resolved.writeUInt8(destination | (PSEUDO_KERNEL_FUNCTION << 4), at + 1);
      resolved.writeInt16LE(called.module, at + 2);
      resolved.writeInt32LE(called.number, at + 4);
    }
  }
  return resolved;
}
