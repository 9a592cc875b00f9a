/** What /proc says of a process: processor time and where its memory is (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds of processor time of all its threads, to the nanosecond (stat counts in hundredths of a second). */
export function processorMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1e6;
}

/** All in MiB (what flannel's figures and the issue call MB). */
export interface MemoryUse {
  /** Resident: what `ps` and `top` show. */
  readonly rss: number;
  /** Resident and of this process alone. */
  readonly private: number;
  /** Resident, counting what several processes share by its part. */
  readonly proportional: number;
  /** Node's own program code and constants, shared by all Node processes of a host. */
  readonly nodeText: number;
  /** libc and others. */
  readonly libraries: number;
  /** Heap of V8 and everything else that is mapped without a file. */
  readonly anonymous: number;
  /** malloc. */
  readonly malloc: number;
}

const MIB = 1024 * 1024;

export function memoryUse(pid: number): MemoryUse {
  const total = sums(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  const parts = { nodeText: 0, libraries: 0, anonymous: 0, malloc: 0 };
  // One block per mapping: its line begins with the addresses, in lower case, the fields that follow with capitals.
  for (const block of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const name = block.slice(0, block.indexOf('\n')).split(/\s+/).slice(5).join(' ');
    parts[partOf(name)] += (sums(block).get('Rss') ?? 0) / MIB;
  }
  const of = (field: string): number => (total.get(field) ?? 0) / MIB;
  return {
    rss: of('Rss'),
    private: of('Private_Clean') + of('Private_Dirty'),
    proportional: of('Pss'),
    ...parts,
  };
}

function partOf(mapping: string): 'nodeText' | 'libraries' | 'anonymous' | 'malloc' {
  if (mapping === '[heap]') return 'malloc';
  if (mapping.endsWith('/node')) return 'nodeText';
  return mapping.startsWith('/') ? 'libraries' : 'anonymous';
}

/** Fields in bytes. */
function sums(text: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>();
  for (const [, name = '', kilobytes] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm))
    fields.set(name, Number(kilobytes) * 1024);
  return fields;
}
