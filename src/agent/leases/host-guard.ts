/**
 * HostGuard: two machines never hold one address. Who finds another machine's mark at the host key asks it for a sign of
 * life: a challenge written into the key, which a living agent answers by writing its own record again. Who holds the
 * key watches it. Every step is a compare-and-set on the revision that was seen, so that of many at once one wins.
 */
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import type { HostKey, HostKeys } from './host-keys.ts';
import { cloneFault, type HostMark, type HostRecord, hostAddress, judgeHostRecord } from './host-record.ts';
import type { LeaseStore } from './store.ts';

export interface HostGuardOptions {
  readonly store: Pick<LeaseStore, 'hosts'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long another machine has to answer. */
  readonly patienceMs?: number;
}

/** Less than peers wait for a key that is gone (3 s by default): a host that comes back after its lease ended is not withdrawn. */
const PATIENCE_MS = 2000;
/**
 * A machine that once gave a sign of life must be silent for this long: its agent may be down for an upgrade, while its Pods
 * go on under this address.
 */
const LONGEST_ABSENCE_MS = 300_000;
/** The key is rewritten once in this time at most: whoever writes it all the time costs no more than this. */
const ANSWER_PAUSE_MS = 1000;
/** Others may be at the key at the same time. */
const MOST_ROUNDS = 5;
const MOST_REMEMBERED = 100;

export class HostGuard {
  readonly #options: HostGuardOptions;
  readonly #patienceMs: number;
  readonly #heard = new Set<string>();
  #stopped: boolean = false;
  #address: string | undefined;
  /** Revision of our claim; undefined while we have none. */
  #since: number | undefined;
  #endWatch = (): void => undefined;
  #cancelAnswer = (): void => undefined;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** When another machine last gave a sign of life. */
  #aliveAt = Number.NEGATIVE_INFINITY;

  constructor(options: HostGuardOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  /**
   * A write of our lease. Where another machine has the address and is gone, the address is taken over and the write made
   * again; where it lives, throws Fault `lease.clone`.
   */
  async protect<T>(attributes: LeaseAttributes, write: () => Promise<T>): Promise<T> {
    for (let round = 1; ; round++) {
      const { store } = this.#options;
      const { hosts } = store;
      try {
        const written = await write();
        if (hosts !== undefined && store.hosts === undefined) this.#sayUnguarded();
        return written;
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'lease.clone') throw error;
        if (hosts === undefined || round >= MOST_ROUNDS) throw error;
        await this.#contest(hosts, hostAddress(attributes));
      }
    }
  }

  /** From now on we hold that address, by a lease written at that revision: answers whoever asks. */
  hold(attributes: LeaseAttributes, revision: number): void {
    const { hosts } = this.#options.store;
    const address = hostAddress(attributes);
    if (hosts === undefined || this.#stopped) return;
    if (address !== this.#address) {
      this.#endWatch();
      this.#cancelAnswer();
      this.#address = address;
      this.#since = undefined;
      this.#endWatch = hosts.watch(address, revision, (key) => this.#look(hosts, key));
    }
    this.#since ??= revision;
  }

  /**
   * Whether another machine wrote a record that names an address which we may have had: one that wrote it together with its
   * key, or a copy of this machine, with its ids and its MAC, that gives a sign of life there. False where nothing tells.
   */
  async isOthers({ attributes, modified }: Lease): Promise<boolean> {
    const { hosts } = this.#options.store;
    const address = hostAddress(attributes);
    if (hosts === undefined || address === this.#address) return false;
    const found = await hosts.read(address);
    if (found?.record === undefined) return false;
    if (found.record.machine !== hosts.mark.machine) return found.revision === modified;
    return this.#answers(hosts, address, found, found.record);
  }

  /** Whether this machine wrote a record: our address, or one at which our mark stands and nobody gives a sign of life. */
  async isOurs({ attributes }: Lease): Promise<boolean> {
    const { hosts } = this.#options.store;
    const address = hostAddress(attributes);
    if (address === this.#address) return true;
    const found = await hosts?.read(address);
    if (hosts === undefined || found?.record?.machine !== hosts.mark.machine) return false;
    return !(await this.#answers(hosts, address, found, found.record));
  }

  async #answers(hosts: HostKeys, address: string, found: HostKey, record: HostRecord): Promise<boolean> {
    if ((await found.replace({ ...record, asker: hosts.mark })) === 'changed') return true;
    const asked = await hosts.read(address);
    await new Promise<void>((resolve) => void this.#options.clock.after(this.#patienceMs, resolve));
    const now = await hosts.read(address);
    return now !== undefined && (now.revision !== asked?.revision || now.record?.asker === undefined);
  }

  stop(): void {
    this.#stopped = true;
    this.#endWatch();
    this.#cancelAnswer();
  }

  /** Another machine's mark stands there: is it alive? Returns when the address may be claimed again. */
  async #contest(hosts: HostKeys, address: string): Promise<void> {
    const { log, clock } = this.#options;
    const found = await hosts.read(address);
    const record = found?.record;
    if (found === undefined || record === undefined) return;
    const since = address === this.#address ? this.#since : undefined;
    const verdict = judgeHostRecord(record, found.revision, hosts.mark, since);
    if (verdict === 'ours') return;
    if (verdict === 'take-back') {
      await this.#takeBack(hosts, found, record);
      return;
    }
    // Another asker's question is as good as ours.
    if (record.asker === undefined) {
      if ((await found.replace({ ...record, asker: hosts.mark })) === 'changed') return;
    }
    const asked = record.asker === undefined ? await hosts.read(address) : found;
    await new Promise<void>((resolve) => void clock.after(this.#patienceMs, resolve));
    const now = await hosts.read(address);
    if (now === undefined) return;
    if (now.revision !== asked?.revision || now.record?.asker === undefined) {
      if (now.record === undefined || judgeHostRecord(now.record, now.revision, hosts.mark, undefined) === 'ours')
        return;
      this.#since = undefined;
      this.#aliveAt = clock.now();
      throw cloneFault(now.key, now.record, hosts.mark);
    }
    if (clock.now() - this.#aliveAt < LONGEST_ABSENCE_MS) throw cloneFault(now.key, now.record, hosts.mark);
    if ((await now.replace(hosts.mark)) === 'written') {
      log.warn('address taken over from a machine that does not answer', { key: now.key, ...fieldsOf(record) });
    }
  }

  /** Somebody wrote our key. */
  #look(hosts: HostKeys, key: HostKey | undefined): void {
    this.#cancelAnswer();
    // Gone with its time to live, or by hand: the next renewal writes it.
    if (key === undefined) return;
    const { record } = key;
    const verdict = judgeHostRecord(record, key.revision, hosts.mark, this.#since);
    if (record === undefined) {
      this.#sayOnce('unreadable', 'the key of this host cannot be read and is written anew', { key: key.key });
      this.#answer(key, hosts.mark);
    } else if (verdict === 'take-back') {
      this.#later(() => this.#takeBack(hosts, key, record));
    } else if (verdict === 'held') {
      this.#since = undefined;
      this.#sayOnce(nameOf(record), 'another machine has our address, by an older claim', fieldsOf(record));
    } else if (record.asker !== undefined) {
      const remedy = 'give one of the two hosts its own address';
      this.#sayOnce(nameOf(record.asker), 'another machine wants our address', { ...fieldsOf(record.asker), remedy });
      this.#answer(key, hosts.mark);
    }
  }

  #answer(key: HostKey, record: HostRecord): void {
    this.#later(() => key.replace(record));
  }

  async #takeBack(hosts: HostKeys, key: HostKey, other: HostRecord): Promise<void> {
    if (this.#since === undefined) return;
    if ((await key.replace({ ...hosts.mark, since: this.#since })) === 'changed') return;
    this.#sayOnce(nameOf(other), 'our address was taken by another machine, and is taken back', fieldsOf(other));
  }

  /** A write to the key, again until it is made or the key is written by another. */
  #later(write: () => Promise<unknown>): void {
    const { clock, log } = this.#options;
    this.#cancelAnswer();
    const waitMs = Math.max(0, this.#answeredAt + ANSWER_PAUSE_MS - clock.now());
    this.#cancelAnswer = clock.after(waitMs, () => {
      this.#answeredAt = clock.now();
      write().catch((error: unknown) => {
        if (!(error instanceof Fault)) throw error;
        log.debug('the key of this host was not written', { code: error.code, why: error.summary });
        if (!this.#stopped) this.#later(write);
      });
    });
  }

  #sayUnguarded(): void {
    const remedy = 'let the role in etcd read and write <prefix>/hosts/, or give -machine-id-file=';
    this.#options.log.warn('clones of this host cannot be found out: etcd does not permit the keys for it', { remedy });
  }

  #sayOnce(who: string, message: string, fields: Readonly<Record<string, string>>): void {
    const said = `${message} ${who}`;
    if (this.#heard.has(said)) return;
    if (this.#heard.size >= MOST_REMEMBERED) this.#heard.clear();
    this.#heard.add(said);
    this.#options.log.warn(message, fields);
  }
}

function nameOf({ machine, boot }: HostMark): string {
  return `${machine} ${boot}`;
}

function fieldsOf({ name, machine }: HostMark): Readonly<Record<string, string>> {
  return { host: name, machine: machine.slice(0, 8) };
}
