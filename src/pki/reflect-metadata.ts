/**
 * The part of the Reflect metadata proposal that the injection container below `@peculiar/x509` asks for. Importing this
 * file first makes that package loadable; it keeps nothing but what the package's own classes register.
 */
const store = new WeakMap<object, Map<unknown, unknown>>();

function ownEntries(target: object): Map<unknown, unknown> {
  const known = store.get(target);
  if (known !== undefined) return known;
  const entries = new Map<unknown, unknown>();
  store.set(target, entries);
  return entries;
}

function getOwnMetadata(key: unknown, target: object): unknown {
  return store.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const entries = store.get(at);
    if (entries?.has(key)) return entries.get(key);
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  ownEntries(target).set(key, value);
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, { getMetadata, getOwnMetadata, defineMetadata });
