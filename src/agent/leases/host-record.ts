/**
 * What stands at `<prefix>/hosts/<address>`: which machine has an address, so that a cloned host is found out. flannel never
 * looks there. At rest the value never changes, so that a restart can compare it without reading it first. Pure.
 */
import { hash as digest } from 'node:crypto';
import { formatIp } from '#model/ip.ts';
import { isJsonObject } from '#model/json-document.ts';
import type { Json, LeaseAttributes } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';

/** A running machine. Two are the same when machine and boot are; the name is for people. */
export interface HostMark {
  /** 32 hex digits made of the machine id, never the id itself. */
  readonly machine: string;
  /** The same of the kernel's boot id: a copy of a disk has the machine id too, but never this one. */
  readonly boot: string;
  /** Host name: at most 64 plain characters. */
  readonly name: string;
}

export interface HostRecord extends HostMark {
  /** Store revision of the claim; only where it was asserted against another machine's. */
  readonly since?: number;
  /** Another machine that wants to know whether this one lives. The answer is the record without it. */
  readonly asker?: HostMark;
}

/**
 * `ours`: no other machine's. `free`: nobody's. `take-back`: a younger claim than ours stands there.
 * `held`: another machine's, maybe of one that is gone.
 */
export type HostVerdict = 'ours' | 'free' | 'take-back' | 'held';

const MARK_SALT = 'weft host key 1';
const HASH = /^[\da-f]{32}$/;
const NAME = /^[A-Za-z\d._-]{0,64}$/;
const LONGEST_VALUE = 1000;

/** `machineId` and `bootId` as the system has them. */
export function hostMarkOf(machineId: string, bootId: string, name: string): HostMark {
  const hash = (kind: string, id: string): string => digest('sha256', `${MARK_SALT} ${kind} ${id}`).slice(0, 32);
  const plain = name.replaceAll(/[^A-Za-z\d._-]/g, '').slice(0, 64);
  return { machine: hash('machine', machineId), boot: hash('boot', bootId), name: plain };
}

export function isSameMachine(a: HostMark, b: HostMark): boolean {
  return a.machine === b.machine && a.boot === b.boot;
}

export function formatHostRecord({ machine, boot, name, since, asker }: HostRecord): string {
  const mark = asker && { machine: asker.machine, boot: asker.boot, name: asker.name };
  return JSON.stringify({ machine, boot, name, since, asker: mark });
}

/** Undefined for everything that we would not have written. */
export function parseHostRecord(text: string): HostRecord | undefined {
  if (text.length > LONGEST_VALUE) return undefined;
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const mark = markIn(value);
  if (mark === undefined || !isJsonObject(value)) return undefined;
  const { since, asker } = value;
  if (since !== undefined && !(typeof since === 'number' && Number.isSafeInteger(since) && since > 0)) return undefined;
  const asking = asker === undefined ? undefined : markIn(asker);
  if (asker !== undefined && asking === undefined) return undefined;
  return { ...mark, ...(since === undefined ? {} : { since }), ...(asking === undefined ? {} : { asker: asking }) };
}

function markIn(value: Json): HostMark | undefined {
  if (!isJsonObject(value)) return undefined;
  const { machine, boot, name } = value;
  if (typeof machine !== 'string' || typeof boot !== 'string' || typeof name !== 'string') return undefined;
  return HASH.test(machine) && HASH.test(boot) && NAME.test(name) ? { machine, boot, name } : undefined;
}

/**
 * What a record means for the machine `mark`. `since` is the revision of our own claim, if we have one and did not give way;
 * `revision` that of the record. Of two claims the older one counts, so both sides come to the same end.
 */
export function judgeHostRecord(
  record: HostRecord | undefined,
  revision: number,
  mark: HostMark,
  since: number | undefined,
): HostVerdict {
  if (record === undefined) return 'free';
  if (isSameMachine(record, mark)) return 'ours';
  return since !== undefined && since < (record.since ?? revision) ? 'take-back' : 'held';
}

/** Fault `lease.clone` when the text that stands at `key` since `revision` keeps the machine `mark` from claiming it. */
export function claimRefusal(key: string, text: string, revision: number, mark: HostMark): Fault | undefined {
  const record = parseHostRecord(text);
  if (record === undefined || judgeHostRecord(record, revision, mark, undefined) !== 'held') return undefined;
  return cloneFault(key, record, mark);
}

/** What the key of a host is called by: the address that its lease is known by. */
export function hostAddress({ publicIp, publicIpv6 }: LeaseAttributes): string {
  return formatIp(publicIp === 0 && publicIpv6 !== null ? publicIpv6 : publicIp);
}

/** Fault `lease.clone`: that address is the other machine's. */
export function cloneFault(key: string, other: HostRecord, mark: HostMark): Fault {
  const address = key.slice(key.lastIndexOf('/') + 1);
  const copied = other.machine === mark.machine;
  return new Fault('lease.clone', {
    what: `the address ${address} is held by another machine, host ${JSON.stringify(other.name)} (${other.machine.slice(0, 8)})`,
    where: key,
    why: copied
      ? 'both have the same machine id: one is a copy of the disk of the other'
      : 'a cloned image, or the address configured twice',
  });
}
