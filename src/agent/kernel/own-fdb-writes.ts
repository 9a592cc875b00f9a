/**
 * OwnFdbWrites: the kernel does not say who wrote an FDB entry, so our own writes are told from others by what they say. Each
 * is told of once, and is then forgotten. They are kept over a look, too: a burst of writes is told of after the next pass
 * has begun.
 */
import type { Ip } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import { fdbKey } from './entry-keys.ts';
import type { FdbEntry } from './state.ts';

type Said = Pick<FdbEntry, 'mac' | 'destination'>;

export class OwnFdbWrites {
  /** Destinations by MAC, for each family of destinations. */
  readonly #replaced = { ipv4: new Map<Mac, Ip>(), ipv6: new Map<Mac, Ip>() };
  readonly #deleted = new Set<string | number | bigint>();

  replacing({ mac, destination }: Said): void {
    this.#deleted.delete(fdbKey({ mac, destination }));
    this.#replacedOf(destination).set(mac, destination);
  }

  deleting(entry: Said): void {
    this.#deleted.add(fdbKey(entry));
  }

  /** Whether the entry that the kernel tells of, there or gone, is what we wrote. */
  isOwn(is: 'there' | 'gone', { mac, destination }: Said): boolean {
    if (is === 'gone') return this.#deleted.delete(fdbKey({ mac, destination }));
    const replaced = this.#replacedOf(destination);
    return replaced.get(mac) === destination && replaced.delete(mac);
  }

  #replacedOf(destination: Ip): Map<Mac, Ip> {
    return this.#replaced[typeof destination === 'number' ? 'ipv4' : 'ipv6'];
  }
}
