/**
 * The cgroup hierarchies in which systemd keeps its units, and so the ones in which each machine needs a group of its own:
 * in the same group two systemds would take each other's units for theirs. Pure.
 */

/** Mount points of the unified hierarchy and of version 1's `name=systemd`, from the text of /proc/self/mountinfo. */
export function systemdHierarchies(mountinfo: string): readonly string[] {
  const found: string[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4];
    const [type, , options = ''] = after.split(' ');
    const named = type === 'cgroup' && options.split(',').includes('name=systemd');
    if (path !== undefined && (type === 'cgroup2' || named)) found.push(path);
  }
  return [...new Set(found)];
}
