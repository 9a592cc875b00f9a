/**
 * SubnetTree: which of many IPv4 networks contain which. Networks that are aligned either nest or are apart, so each has
 * at most one next larger one: a chain of at most 32. Built in O(n log n), asked in O(log n); two numbers per network.
 */
import { type Ipv4Cidr, lastIpv4Of } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';

const NONE = -1;

export class SubnetTree {
  readonly #cidrs: readonly Ipv4Cidr[];
  /** Indexes of the networks, larger ones first where they begin together. */
  readonly #order: Uint32Array;
  /** For each network the index of the smallest one around it. */
  readonly #parents: Int32Array;

  /** Every network must be aligned (no host bits). */
  constructor(cidrs: readonly Ipv4Cidr[]) {
    this.#cidrs = cidrs;
    this.#order = Uint32Array.from(cidrs.keys()).sort((a, b) => {
      const [first, second] = [this.#at(a), this.#at(b)];
      return first.address - second.address || first.length - second.length;
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
  containing(address: Ipv4): readonly number[] {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(this.#order[middle] ?? 0).address <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? [] : this.#chain(this.#containing(this.#order[low - 1] ?? NONE, address));
  }

  #containing(from: number, address: Ipv4): number {
    let index = from;
    while (index !== NONE && lastIpv4Of(this.#at(index)) < address) index = this.#parents[index] ?? NONE;
    return index;
  }

  #chain(from: number): readonly number[] {
    const chain: number[] = [];
    for (let index = from; index !== NONE; index = this.#parents[index] ?? NONE) chain.push(index);
    return chain;
  }

  #at(index: number): Ipv4Cidr {
    const cidr = this.#cidrs[index];
    if (cidr === undefined) throw new RangeError(`no network ${index}`);
    return cidr;
  }
}
