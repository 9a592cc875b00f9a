/**
 * Links whose addresses are no news to whoever watches in this process, since another part of it has made them: containers
 * have one each. Known by index and network namespace, which is named by its path, undefined for the process's own.
 */
const links = new Set<string>();

export function addQuietLink(namespace: string | undefined, index: number): void {
  links.add(keyOf(namespace, index));
}

export function isQuietLink(namespace: string | undefined, index: number): boolean {
  return links.size > 0 && links.has(keyOf(namespace, index));
}

/** Of a link that is gone: the kernel tells of its addresses before. */
export function forgetQuietLink(namespace: string | undefined, index: number): void {
  if (links.size > 0) links.delete(keyOf(namespace, index));
}

function keyOf(namespace: string | undefined, index: number): string {
  return `${namespace ?? ''}:${index}`;
}
