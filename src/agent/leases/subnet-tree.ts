/**
 * SubnetTree: which of many networks of one family contain which. Networks that are aligned either nest or are apart, so each has
 * at most one next larger one: a chain of at most 32 (128 in IPv6). Built in O(n log n), asked in O(log n); two numbers per network.
 */
import { type Cidr, type Ip, lastIpOf } from '#model/ip.ts';

const NONE = -1;

export class SubnetTree {
  readonly #cidrs: readonly Cidr[];
  /** Indexes of the networks, larger ones first where they begin together. */
  readonly #order: Uint32Array;
  /** For each network the index of the smallest one around it. */
  readonly #parents: Int32Array;

  /** Every network must be aligned (no host bits), and all of one family. */
  constructor(cidrs: readonly Cidr[]) {
    this.#cidrs = cidrs;
    this.#order = Uint32Array.from(cidrs.keys()).sort((a, b) => {
      const [first, second] = [this.#at(a), this.#at(b)];
      if (first.address !== second.address) return first.address < second.address ? -1 : 1;
      return first.length - second.length;
    });
    this.#parents = new Int32Array(cidrs.length).fill(NONE);
    let around = NONE;
    for (const index of this.#order) {
      around = this.#containing(around, this.#at(index).address);
      this.#parents[index] = around;
      around = index;
    }
  }

  /** Indexes of the other networks that contain the network of that index, smallest first. */
  around(index: number): readonly number[] {
    return this.#chain(this.#parents[index] ?? NONE);
  }

  /** Indexes of the networks that contain the address, smallest first. */
  containing(address: Ip): readonly number[] {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(this.#order[middle] ?? 0).address <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? [] : this.#chain(this.#containing(this.#order[low - 1] ?? NONE, address));
  }

  #containing(from: number, address: Ip): number {
    let index = from;
    while (index !== NONE && lastIpOf(this.#at(index)) < address) index = this.#parents[index] ?? NONE;
    return index;
  }

  #chain(from: number): readonly number[] {
    const chain: number[] = [];
    for (let index = from; index !== NONE; index = this.#parents[index] ?? NONE) chain.push(index);
    return chain;
  }

  #at(index: number): Cidr {
    const cidr = this.#cidrs[index];
    if (cidr === undefined) throw new RangeError(`no network ${index}`);
    return cidr;
  }
}
