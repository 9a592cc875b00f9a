/**
 * Which container has which address: one small file per address, in the folder and the format of the plugin host-local, so
 * that a network can go from one plugin to the other with containers running. The file is made exclusively, which is what
 * keeps an address from being given twice, whoever gives it; there is nothing else to lose in a crash.
 */
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { formatIp, type Ip, parseIp } from '#model/ip.ts';
import { type Candidate, candidates, formatRangeSet, type RangeSet } from './address-range.ts';
import type { Files } from './files.ts';

export interface Owner {
  readonly containerId: string;
  readonly ifname: string;
}

/** Attempts before the folder is listed: a round is rarely far from a free address. */
const BLIND_ATTEMPTS = 8;
/** A file is written at once after it was made; one that stays empty is of a program that died between. */
const TORN_AGE_MS = 10_000;

export class AddressFolder {
  readonly #folder: string;
  readonly #files: Files;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  /**
   * Gives the next free address of the set; undefined when there is none. `index` is the set's place in the configuration,
   * by which the round is remembered.
   */
  take(set: RangeSet, index: number, owner: Owner): Candidate | undefined {
    this.#files.makeFolder(this.#folder, 0o755);
    const rememberedAt = `${this.#folder}/last_reserved_ip.${index}`;
    const last = parseIp((this.#files.read(rememberedAt) ?? '').trim());
    let attempts = 0;
    let taken: ReadonlySet<string> = new Set();
    for (const candidate of candidates(set, last)) {
      const name = formatIp(candidate.address);
      if (attempts === BLIND_ATTEMPTS) taken = new Set(this.#files.list(this.#folder));
      if (taken.has(name)) continue;
      attempts++;
      if (this.#reserve(name, rememberedAt, owner)) return candidate;
    }
    return undefined;
  }

  /** Gives this address of the set; undefined when somebody has it. The round goes on behind it, as host-local's does. */
  takeThis(wanted: Candidate, index: number, owner: Owner): Candidate | undefined {
    this.#files.makeFolder(this.#folder, 0o755);
    const taken = this.#reserve(formatIp(wanted.address), `${this.#folder}/last_reserved_ip.${index}`, owner);
    return taken ? wanted : undefined;
  }

  #reserve(name: string, rememberedAt: string, owner: Owner): boolean {
    if (!this.#files.create(`${this.#folder}/${name}`, ownerText(owner))) return false;
    try {
      this.#files.overwrite(rememberedAt, name);
    } catch (error) {
      this.#files.remove(`${this.#folder}/${name}`);
      throw error;
    }
    return true;
  }

  /** Gives back an address, if it is still this owner's. */
  release(address: Ip, owner: Owner): void {
    const path = `${this.#folder}/${formatIp(address)}`;
    if (sameOwner(readOwner(this.#files.read(path)), owner)) this.#files.remove(path);
  }

  /** Gives back all that the owner has, by reading all: for containers whose addresses nobody remembers. */
  releaseAll(owner: Owner): void {
    for (const { address, owner: found } of this.list()) if (sameOwner(found, owner)) this.release(address, owner);
  }

  /** Whether it has an address; read from all. */
  has(owner: Owner): boolean {
    return this.list().some((entry) => sameOwner(entry.owner, owner));
  }

  /** Addresses and owners; an owner is undefined for a file that says none. */
  list(): readonly { readonly address: Ip; readonly owner: Owner | undefined }[] {
    return this.#files.list(this.#folder).flatMap((name) => {
      const address = parseIp(name);
      if (address === undefined) return [];
      return { address, owner: readOwner(this.#files.read(`${this.#folder}/${name}`)) };
    });
  }

  /** How many of the set are not given; counted without reading owners. */
  free(set: RangeSet): bigint {
    const size = set.reduce((sum, { first, last }) => sum + BigInt(last) - BigInt(first) + 1n, 0n);
    const gateways = set.filter(({ gateway, first, last }) => first <= gateway && gateway <= last).length;
    const used = this.#files.list(this.#folder).filter((name) => {
      const address = parseIp(name);
      return (
        address !== undefined &&
        set.some(({ first, last }) => typeof address === typeof first && first <= address && address <= last)
      );
    });
    return size - BigInt(gateways) - BigInt(used.length);
  }

  /** Removes files that were made and never written. */
  removeTorn(): void {
    for (const name of this.#files.list(this.#folder)) {
      const path = `${this.#folder}/${name}`;
      if (parseIp(name) === undefined || this.#files.read(path) !== '') continue;
      if ((this.#files.age(path) ?? 0) > TORN_AGE_MS) this.#files.remove(path);
    }
  }
}

/** The error of a set without a free address, in host-local's words. */
export function exhausted(set: RangeSet): CniError {
  return new CniError(
    CNI_CODES.internal,
    `no IP addresses available in range set: ${formatRangeSet(set)}`,
    'every address belongs to a container that was not deleted; a larger SubnetLen gives each host more (weft network)',
  );
}

function ownerText({ containerId, ifname }: Owner): string {
  return `${containerId}\r\n${ifname}`;
}

function readOwner(text: string | undefined): Owner | undefined {
  const [containerId = '', ifname = ''] = (text ?? '').trim().split('\r\n');
  return containerId === '' ? undefined : { containerId, ifname };
}

function sameOwner(found: Owner | undefined, owner: Owner): boolean {
  return found?.containerId === owner.containerId && found.ifname === owner.ifname;
}
