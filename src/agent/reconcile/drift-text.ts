/** What has drifted, in words: one for each kind of object and manner, however many objects a flush took. Pure. */
import { fdbKey, neighborKey, nexthopKey } from '#agent/kernel/entry-keys.ts';
import { type ObjectKind, objectDevice, objectKind, objectName } from '#agent/kernel/object-name.ts';
import type { Observed, ObservedLink, Operation } from '#agent/kernel/state.ts';
import type { Drift, DriftKind } from './drift.ts';
import { manyOf } from './fights.ts';

type Manner = 'missing' | 'different' | 'unexpected';

const DONE: Record<Manner, string> = { missing: 'added', different: 'put right', unexpected: 'removed' };
export const PLURALS: Record<ObjectKind, string> = {
  device: 'devices',
  sysctl: 'sysctls',
  address: 'addresses',
  neighbor: 'neighbors',
  fdb: 'FDB entries',
  nexthop: 'nexthops',
  route: 'routes',
};
/** More objects of one kind than this, put right at once, are one object to fights.ts. */
export const MOST_OBJECTS = 64;

/** Gathers the drift of one pass, round by round. */
export class DriftGatherer {
  readonly #devices = new Set<string>();
  readonly #found: string[] = [];
  readonly #done: string[] = [];
  readonly #objects: string[] = [];
  readonly #repaired: { [kind in DriftKind]?: number } = {};
  #afterDevice = false;

  /** Undefined when there was none. */
  get drift(): Drift | undefined {
    if (this.#found.length === 0) return undefined;
    const [found, done, objects] = [this.#found, this.#done, this.#objects];
    return { devices: [...this.#devices], found, done, repaired: this.#repaired, objects };
  }

  engine(changes: number): void {
    this.#found.push(`${changes} settings of the engine different`);
    this.#done.push(`${changes} settings of the engine put right`);
    this.#repaired.engine = changes;
  }

  /** One round: `operations` that drift made necessary by what was `observed`, and that succeeded. */
  add(operations: readonly Operation[], observed: Observed): void {
    const groups = new Map<string, { readonly kind: ObjectKind; readonly manner: Manner; operations: Operation[] }>();
    const present = new Present(observed);
    const repairsDevice = operations.some((operation) => objectKind(operation) === 'device');
    for (const operation of operations) {
      const kind = objectKind(operation);
      const device = objectDevice(operation);
      if (device !== undefined) this.#devices.add(device);
      if (!isSecondStep(operation, operations)) this.#repaired[kind] = (this.#repaired[kind] ?? 0) + 1;
      if (kind === 'device' || kind === 'sysctl') {
        this.#alone(operation, observed.links, operations);
        continue;
      }
      const manner = present.mannerOf(operation);
      const group = groups.get(`${kind} ${manner}`) ?? { kind, manner, operations: [] };
      group.operations.push(operation);
      groups.set(`${kind} ${manner}`, group);
    }
    for (const { kind, manner, operations: same } of groups.values()) {
      const [only] = same;
      const what = same.length === 1 && only !== undefined ? objectName(only) : `${same.length} ${PLURALS[kind]}`;
      this.#found.push(`${what} ${manner}`);
      this.#done.push(`${what} ${DONE[manner]}`);
      // What went with its device is not fought over for itself.
      if (this.#afterDevice) continue;
      if (same.length > MOST_OBJECTS) this.#objects.push(manyOf(PLURALS[kind]));
      else this.#objects.push(...new Set(same.map(objectName)));
    }
    this.#afterDevice ||= repairsDevice;
  }

  #alone(operation: Operation, links: readonly ObservedLink[], all: readonly Operation[]): void {
    const words = aloneText(operation, links, all);
    if (words === undefined) return;
    this.#found.push(words.found);
    this.#done.push(words.done);
    const name = objectName(operation);
    if (!this.#objects.includes(name)) this.#objects.push(name);
  }
}

interface Words {
  readonly found: string;
  readonly done: string;
}

function aloneText(operation: Operation, links: readonly ObservedLink[], all: readonly Operation[]): Words | undefined {
  switch (operation.type) {
    case 'sysctl-set':
      return {
        found: `${operation.name} is ${operation.found}`,
        done: `${operation.name} set to ${operation.value}`,
      };
    case 'device-delete':
      return { found: `device different: ${operation.why}`, done: 'device made anew' };
    case 'device-add':
      return isSecondStep(operation, all) ? undefined : { found: 'device missing', done: 'device made' };
    case 'device-set':
      return isSecondStep(operation, all) ? undefined : settingsText(operation, links);
    default:
      return undefined;
  }
}

/** Making a device is up to three operations on one object. */
function isSecondStep(operation: Operation, all: readonly Operation[]): boolean {
  if (operation.type === 'device-add') {
    const { name } = operation.device;
    return all.some((other) => other.type === 'device-delete' && other.name === name);
  }
  if (operation.type !== 'device-set') return false;
  return all.some((other) => other.type === 'device-add' && other.device.name === operation.name);
}

function settingsText(
  { name, mac, mtu, up }: Operation & { readonly type: 'device-set' },
  links: readonly ObservedLink[],
): Words {
  const link = links.find((candidate) => candidate.name === name);
  const [found, done]: [string[], string[]] = [[], []];
  if (mac !== undefined) {
    found.push(`MAC ${link?.mac ?? 'unknown'} instead of ${mac}`);
    done.push('MAC set');
  }
  if (mtu !== undefined) {
    found.push(`MTU ${link?.mtu ?? 'unknown'} instead of ${mtu}`);
    done.push('MTU set');
  }
  if (up === true) {
    found.push('device down');
    done.push('device set up');
  }
  return { found: found.join(', '), done: done.join(', ') };
}

/** Tells an entry that is missing from one that is there in another form; looks only at kinds that are asked for. */
class Present {
  readonly #observed: Observed;
  readonly #keys = new Map<ObjectKind, ReadonlySet<string | number | bigint>>();

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  mannerOf(operation: Operation): Manner {
    const { neighbors, fdb, nexthops } = this.#observed;
    switch (operation.type) {
      case 'route-replace':
        return operation.entry.type === 'blackhole' ? 'missing' : 'different';
      case 'neighbor-replace':
        return this.#has('neighbor', neighbors, neighborKey, operation.entry) ? 'different' : 'missing';
      case 'fdb-replace':
        return this.#has('fdb', fdb, fdbKey, operation.entry) ? 'different' : 'missing';
      case 'nexthop-replace':
        return this.#has('nexthop', nexthops, nexthopKey, operation.entry) ? 'different' : 'missing';
      default:
        return operation.type.endsWith('-delete') ? 'unexpected' : 'missing';
    }
  }

  #has<Entry>(
    kind: ObjectKind,
    entries: readonly Entry[],
    key: (entry: Entry) => string | number | bigint,
    wanted: Entry,
  ): boolean {
    const keys = this.#keys.get(kind) ?? new Set(entries.map(key));
    this.#keys.set(kind, keys);
    return keys.has(key(wanted));
  }
}
