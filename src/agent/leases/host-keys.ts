/** HostKeys: the part of a LeaseStore that tells which machine has an address. */
import type { HostMark, HostRecord } from './host-record.ts';

/** A host key is looked at anew so often, when it is written again and again while it is claimed. */
export const CLAIM_TRIES = 4;

/** A host key as it was read. */
export interface HostKey {
  /** The whole key, for people. */
  readonly key: string;
  /** Undefined when nobody can read what stands there: nobody's claim. */
  readonly record: HostRecord | undefined;
  /** Revision or index of its last write. */
  readonly revision: number;
  /** Writes it if nobody did meanwhile; it lives as long as before. */
  replace(record: HostRecord): Promise<'written' | 'changed'>;
}

/**
 * `create` and `renew` of a store with HostKeys claim the address of the lease too: they write its key with our mark, for the
 * same time, and throw Fault `lease.clone` without writing anything when another machine's mark stands there.
 */
export interface HostKeys {
  /** This machine. */
  readonly mark: HostMark;
  /** `address` as `hostAddress` gives it. Undefined when there is no such key. */
  read(address: string): Promise<HostKey | undefined>;
  /** Every write of the key after that revision, maybe only the newest; undefined when it is gone. The function returned ends it. */
  watch(address: string, afterRevision: number, listener: (key: HostKey | undefined) => void): () => void;
}

/** Starts a watch of which nothing is told any more once it has ended, whatever is under way then. The function returned ends it. */
export function watchUntilEnded<Told>(
  listener: (told: Told) => void,
  start: (tell: (told: Told) => void) => { close(): void },
): () => void {
  let open = true;
  const handle = start((told) => {
    if (open) listener(told);
  });
  return () => {
    open = false;
    handle.close();
  };
}
