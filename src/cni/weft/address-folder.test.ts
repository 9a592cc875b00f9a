import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatIp, parseCidr } from '#model/ip.ts';
import { AddressFolder, exhausted } from './address-folder.ts';
import { type RangeSet, rangeOf } from './address-range.ts';
import type { Files } from './files.ts';

const SET: RangeSet = [rangeOf(parseCidr('10.5.1.0/29') ?? { address: 0, length: 0 })];
const ROUND = 5;

/** A disk that stops after so many writes, as a machine does; and what is on it then. */
class MemoryDisk implements Files {
  readonly texts = new Map<string, string>();
  writes = Number.POSITIVE_INFINITY;
  ages = 60_000;

  #write(path: string, text: string): void {
    if (this.writes-- <= 0) throw new Error('the machine stopped');
    this.texts.set(path, text);
  }

  makeFolder(): void {}

  create(path: string, text: string): boolean {
    if (this.texts.has(path)) return false;
    // Made, and then written: between the two it is empty.
    this.#write(path, '');
    this.#write(path, text);
    return true;
  }

  replace(path: string, text: string): void {
    this.#write(path, text);
  }

  overwrite(path: string, text: string): void {
    this.#write(path, text);
  }

  read(path: string): string | undefined {
    return this.texts.get(path);
  }

  remove(path: string): boolean {
    if (this.writes-- <= 0) throw new Error('the machine stopped');
    return this.texts.delete(path);
  }

  list(path: string): readonly string[] {
    return [...this.texts.keys()].map((name) => name.slice(path.length + 1));
  }

  age(): number {
    return this.ages;
  }
}

function owner(number: number): { readonly containerId: string; readonly ifname: string } {
  return { containerId: `c${number}`, ifname: 'eth0' };
}

function take(folder: AddressFolder, number: number): string | undefined {
  const candidate = folder.take(SET, 0, owner(number));
  return candidate === undefined ? undefined : formatIp(candidate.address);
}

test('an address comes again only after a full round', () => {
  const folder = new AddressFolder('/a', new MemoryDisk());
  const first = take(folder, 1);
  folder.releaseAll(owner(1));
  const others = Array.from({ length: ROUND - 1 }, (_, index) => take(folder, 2 + index));
  assert(!others.includes(first));
  assert.equal(take(folder, 9), first);
  assert.equal(take(folder, 10), undefined);
  assert.match(exhausted(SET).message, /range set: 10\.5\.1\.1-10\.5\.1\.6/);
});

test('the files are those of host-local', () => {
  const disk = new MemoryDisk();
  take(new AddressFolder('/a', disk), 1);
  assert.deepEqual(
    [...disk.texts],
    [
      ['/a/10.5.1.2', 'c1\r\neth0'],
      ['/a/last_reserved_ip.0', '10.5.1.2'],
    ],
  );
});

test('only the owner gives an address back', () => {
  const folder = new AddressFolder('/a', new MemoryDisk());
  const candidate = folder.take(SET, 0, owner(1));
  assert(candidate !== undefined);
  folder.release(candidate.address, owner(2));
  folder.release(candidate.address, { containerId: 'c1', ifname: 'net1' });
  assert(folder.has(owner(1)));
  assert.equal(folder.free(SET), BigInt(ROUND - 1));
  folder.release(candidate.address, owner(1));
  assert(!folder.has(owner(1)));
});

test('a file that stayed empty is removed when nobody can be writing it', () => {
  const disk = new MemoryDisk();
  const folder = new AddressFolder('/a', disk);
  disk.texts.set('/a/10.5.1.3', '');
  disk.ages = 5;
  folder.removeTorn();
  assert.deepEqual(
    folder.list().map(({ owner: found }) => found),
    [undefined],
  );
  disk.ages = 60_000;
  folder.removeTorn();
  assert.deepEqual(folder.list(), []);
});

suite('whatever is asked for, and wherever the machine stops', () => {
  const request = fc.record({ number: fc.nat(6), take: fc.boolean(), stopsAfter: fc.option(fc.nat(6)) });

  test('no address has two owners, none is lost for good, and who has been told of one keeps it', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const disk = new MemoryDisk();
        const told = new Map<string, number>();
        for (const { number, take: takes, stopsAfter } of requests) {
          // Whoever asks is an agent that was started anew.
          const folder = new AddressFolder('/a', disk);
          disk.writes = stopsAfter ?? Number.POSITIVE_INFINITY;
          try {
            if (takes) {
              const address = take(folder, number);
              if (address === undefined) continue;
              assert(!told.has(address), `${address} was given twice`);
              told.set(address, number);
            } else {
              for (const [address, who] of told) if (who === number) told.delete(address);
              folder.releaseAll(owner(number));
            }
          } catch (error) {
            assert(error instanceof Error && error.message === 'the machine stopped', String(error));
          }
        }
        disk.writes = Number.POSITIVE_INFINITY;
        const folder = new AddressFolder('/a', disk);
        for (const [address, who] of told) assert.equal(disk.read(`/a/${address}`), `c${who}\r\neth0`);
        folder.removeTorn();
        for (let number = 0; number <= 6; number++) folder.releaseAll(owner(number));
        assert.deepEqual(folder.list(), []);
        assert.equal(folder.free(SET), BigInt(ROUND));
      }),
    );
  });
});
