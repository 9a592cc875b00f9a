/** What is on our devices after operations that all succeeded. Pure. */
import { isDeviceOperation } from './diff.ts';
import { addressKey, fdbKey, neighborKey, nexthopKey, routeKey } from './entry-keys.ts';
import type { FdbEntry, Observed, Operation } from './state.ts';

/** What is there of one kind of object after some of it was replaced and some deleted. */
class Change<Entry> {
  readonly #key: (entry: Entry) => string | number | bigint;
  readonly #touched = new Set<string | number | bigint>();
  readonly #added = new Map<string | number | bigint, Entry>();

  constructor(key: (entry: Entry) => string | number | bigint) {
    this.#key = key;
  }

  replace(entry: Entry): void {
    this.#touched.add(this.#key(entry));
    this.#added.set(this.#key(entry), entry);
  }

  delete(entry: Entry): void {
    this.#touched.add(this.#key(entry));
    this.#added.delete(this.#key(entry));
  }

  applied(present: readonly Entry[]): readonly Entry[] {
    if (this.#touched.size === 0) return present;
    const added = new Map(this.#added);
    // What is replaced keeps its place, so that the next comparison finds both lists in one order.
    const kept = present.flatMap((entry) => {
      const key = this.#key(entry);
      if (!this.#touched.has(key)) return [entry];
      const now = added.get(key);
      added.delete(key);
      return now === undefined ? [] : [now];
    });
    return kept.concat([...added.values()]);
  }
}

/** Not what takes along more than it names: a device what stands on it, its last address too, a sysctl those of all devices. */
export function isForetold(operation: Operation): boolean {
  return !isDeviceOperation(operation) && operation.type !== 'address-delete' && operation.type !== 'sysctl-set';
}

export function afterOperations(observed: Observed, operations: readonly Operation[]): Observed {
  const addresses = new Change(addressKey);
  const neighbors = new Change(neighborKey);
  const fdb = new Change<FdbEntry>(fdbKey);
  const nexthops = new Change(nexthopKey);
  const routes = new Change(routeKey);
  for (const operation of operations) {
    switch (operation.type) {
      case 'address-add':
        addresses.replace(operation.entry);
        break;
      case 'neighbor-replace':
        neighbors.replace(operation.entry);
        break;
      case 'neighbor-delete':
        neighbors.delete(operation.entry);
        break;
      case 'fdb-replace':
        fdb.replace(operation.entry);
        break;
      case 'fdb-delete':
        fdb.delete(operation.entry);
        break;
      case 'nexthop-replace':
        nexthops.replace(operation.entry);
        break;
      case 'nexthop-delete':
        nexthops.delete(operation.entry);
        break;
      case 'route-add':
      case 'route-replace':
        routes.replace(operation.entry);
        break;
      case 'route-delete':
        routes.delete(operation.entry);
        break;
      case 'address-delete':
      case 'device-add':
      case 'device-delete':
      case 'device-set':
      case 'sysctl-set':
        throw new Error(`${operation.type} changes more than can be foretold`);
    }
  }
  return {
    ...observed,
    ownAddresses: addresses.applied(observed.ownAddresses),
    neighbors: neighbors.applied(observed.neighbors),
    fdb: fdb.applied(observed.fdb),
    nexthops: nexthops.applied(observed.nexthops),
    routes: routes.applied(observed.routes),
  };
}
