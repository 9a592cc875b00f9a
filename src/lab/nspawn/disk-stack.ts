/**
 * What a machine's disk is made of: the shared base, and numbered layers above it, of which only the last is written to. A
 * snapshot keeps the layers as they are and puts a new one on top; to restore one is to go back to its layers, with another
 * new one on top. Nothing is copied, and no moment exists in which half of it is done. All machines of a set move together. Pure.
 */

export interface DiskStack {
  /** Lowest first; the last is the one that is written to. Each number is used once in the life of a set. */
  readonly layers: readonly number[];
  readonly snapshots: readonly Snapshot[];
  /** The number of the next layer. */
  readonly next: number;
}

export interface Snapshot {
  readonly name: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly layers: readonly number[];
}

/** overlayfs takes its options in one page of memory. */
export const MOST_LAYERS = 30;

export const FIRST_STACK: DiskStack = { layers: [1], snapshots: [], next: 2 };

/** With the snapshot kept, in place of an older one of that name. */
export function takeSnapshot(stack: DiskStack, name: string, createdAt: string): DiskStack {
  const others = stack.snapshots.filter((snapshot) => snapshot.name !== name);
  return {
    layers: [...stack.layers, stack.next],
    snapshots: [...others, { name, createdAt, layers: stack.layers }],
    next: stack.next + 1,
  };
}

/** As it was at the snapshot; undefined when there is none of that name. */
export function restoreSnapshot(stack: DiskStack, name: string): DiskStack | undefined {
  const snapshot = stack.snapshots.find((each) => each.name === name);
  if (snapshot === undefined) return undefined;
  return { ...stack, layers: [...snapshot.layers, stack.next], next: stack.next + 1 };
}

/** Layers that something still needs; what else lies on disk can go. */
export function neededLayers(stack: DiskStack): ReadonlySet<number> {
  return new Set([...stack.layers, ...stack.snapshots.flatMap((snapshot) => snapshot.layers)]);
}

/** Options of the overlay mount for a machine that has its layers in `directory`. */
export function overlayOptions(base: string, directory: string, stack: DiskStack): string {
  const top = stack.layers.at(-1) ?? 0;
  const lower = stack.layers.slice(0, -1).map((layer) => upperOf(directory, layer));
  // overlayfs wants the topmost of the lower ones first.
  return [
    `lowerdir=${[...lower.reverse(), base].join(':')}`,
    `upperdir=${upperOf(directory, top)}`,
    `workdir=${workOf(directory, top)}`,
  ].join(',');
}

export function layersDirectory(directory: string): string {
  return `${directory}/disk`;
}

/** What is written in a layer. */
export function upperOf(directory: string, layer: number): string {
  return `${layersDirectory(directory)}/${layer}/upper`;
}

/** overlayfs's own, beside it. */
export function workOf(directory: string, layer: number): string {
  return `${layersDirectory(directory)}/${layer}/work`;
}
