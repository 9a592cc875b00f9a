/** An object file for the kernel's BPF machine, as clang writes it (ELF, 64 bits, little-endian): its maps and programs. Pure. */
import { Fault } from '#runtime/fault.ts';

export interface MapDefinition {
  readonly name: string;
  /** BPF_MAP_TYPE_* of linux/bpf.h. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
}

/** What an instruction refers to by name: a map of the object, or a function of the kernel. */
export interface Reference {
  readonly instruction: number;
  readonly to: 'map' | 'function';
  readonly name: string;
}

export interface Program {
  readonly name: string;
  /** Eight bytes each. */
  readonly instructions: Buffer;
  readonly references: readonly Reference[];
}

export interface BpfObject {
  readonly maps: readonly MapDefinition[];
  readonly programs: readonly Program[];
  readonly license: string;
  /** SHA-256 of the source, in hex. */
  readonly source: string;
}

const ELF = {
  magic: 0x464c457f,
  bits64: 2,
  little: 1,
  machineBpf: 247,
  machine: 18,
  sections: 40,
  sectionCount: 60,
  sectionNames: 62,
};
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;
const MAP_BYTES = 16;
const INSTRUCTION_BYTES = 8;
const SHT_SYMTAB = 2;
const SHT_REL = 9;
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;
/** Programs stand in sections with this at the start of their name. */
const PROGRAM_PREFIX = 'tc/';

interface Section {
  readonly name: string;
  readonly type: number;
  /** Index of the section that this one is about. */
  readonly info: number;
  readonly link: number;
  readonly bytes: Buffer;
}

interface ElfSymbol {
  readonly name: string;
  /** Index of the section that holds it. */
  readonly section: number;
  readonly value: number;
}

/** Fault `kernel.bpf-object` when it is not such a file. */
export function readBpfObject(bytes: Buffer, where: string): BpfObject {
  try {
    return readObject(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('kernel.bpf-object', {
      what: 'the object file of the fast path cannot be read',
      where,
      why,
      cause,
    });
  }
}

function readObject(bytes: Buffer): BpfObject {
  if (bytes.readUInt32LE(0) !== ELF.magic || bytes[4] !== ELF.bits64 || bytes[5] !== ELF.little)
    throw new Error('no ELF file');
  if (bytes.readUInt16LE(ELF.machine) !== ELF.machineBpf) throw new Error('not for BPF');
  const sections = readSections(bytes);
  const symbols = readSymbols(sections);
  const mapSection = sections.findIndex(({ name }) => name === 'maps');
  return {
    maps: symbols
      .filter(({ section, name }) => section === mapSection && name !== '')
      .map(({ name, value }) => readMap(name, named(sections, 'maps').bytes, value)),
    programs: sections.flatMap((section, index) =>
      section.name.startsWith(PROGRAM_PREFIX)
        ? [
            {
              name: section.name.slice(PROGRAM_PREFIX.length),
              instructions: section.bytes,
              references: readReferences(sections, symbols, index, mapSection),
            },
          ]
        : [],
    ),
    license: textAt(named(sections, 'license').bytes, 0),
    source: textAt(named(sections, 'source').bytes, 0),
  };
}

function readSections(bytes: Buffer): readonly Section[] {
  const start = Number(bytes.readBigUInt64LE(ELF.sections));
  const headers = Array.from({ length: bytes.readUInt16LE(ELF.sectionCount) }, (_, index) =>
    part(bytes, start + index * SECTION_BYTES, SECTION_BYTES),
  );
  const contents = headers.map((header) =>
    // Nothing of it is in the file: SHT_NULL.
    header.readUInt32LE(4) === 0
      ? Buffer.alloc(0)
      : part(bytes, Number(header.readBigUInt64LE(24)), Number(header.readBigUInt64LE(32))),
  );
  const names = contents[bytes.readUInt16LE(ELF.sectionNames)] ?? Buffer.alloc(0);
  return headers.map((header, index) => ({
    name: textAt(names, header.readUInt32LE(0)),
    type: header.readUInt32LE(4),
    link: header.readUInt32LE(40),
    info: header.readUInt32LE(44),
    bytes: contents[index] ?? Buffer.alloc(0),
  }));
}

function readSymbols(sections: readonly Section[]): readonly ElfSymbol[] {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  if (table === undefined) throw new Error('no symbols');
  const names = sections[table.link]?.bytes ?? Buffer.alloc(0);
  return Array.from({ length: Math.floor(table.bytes.length / SYMBOL_BYTES) }, (_, index) => {
    const entry = part(table.bytes, index * SYMBOL_BYTES, SYMBOL_BYTES);
    return {
      name: textAt(names, entry.readUInt32LE(0)),
      section: entry.readUInt16LE(6),
      value: Number(entry.readBigUInt64LE(8)),
    };
  });
}

function readMap(name: string, bytes: Buffer, at: number): MapDefinition {
  const entry = part(bytes, at, MAP_BYTES);
  const [type, keySize, valueSize, entries] = [0, 4, 8, 12].map((offset) => entry.readUInt32LE(offset));
  return { name, type: type ?? 0, keySize: keySize ?? 0, valueSize: valueSize ?? 0, entries: entries ?? 0 };
}

function readReferences(
  sections: readonly Section[],
  symbols: readonly ElfSymbol[],
  program: number,
  mapSection: number,
): readonly Reference[] {
  return sections
    .filter(({ type, info }) => type === SHT_REL && info === program)
    .flatMap(({ bytes }) =>
      Array.from({ length: Math.floor(bytes.length / RELOCATION_BYTES) }, (_, index): Reference => {
        const entry = part(bytes, index * RELOCATION_BYTES, RELOCATION_BYTES);
        const instruction = Number(entry.readBigUInt64LE(0)) / INSTRUCTION_BYTES;
        const type = entry.readUInt32LE(8);
        const symbol = symbols[entry.readUInt32LE(12)];
        if (symbol === undefined) throw new Error('a reference to no symbol');
        if (type === R_BPF_64_64 && symbol.section === mapSection) return { instruction, to: 'map', name: symbol.name };
        if (type === R_BPF_64_32 && symbol.section === 0) return { instruction, to: 'function', name: symbol.name };
        throw new Error(`a reference of type ${type} to ${symbol.name}`);
      }),
    );
}

function named(sections: readonly Section[], name: string): Section {
  const found = sections.find((section) => section.name === name);
  if (found === undefined) throw new Error(`no section ${name}`);
  return found;
}

function part(bytes: Buffer, start: number, length: number): Buffer {
  if (start + length > bytes.length) throw new Error('it is cut short');
  return bytes.subarray(start, start + length);
}

function textAt(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, end < 0 ? bytes.length : end);
}
