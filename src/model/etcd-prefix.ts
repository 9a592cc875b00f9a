/** The prefix of a network's keys in etcd, cleaned as flannel cleans it (Go's path.Join, spec §2.1). */
import { posix } from 'node:path';

/** Without doubled slashes, dots and a slash at the end. One in front is kept, and none is put there: v3 tells the two apart. */
export function cleanEtcdPrefix(prefix: string): string {
  return prefix === '' ? '' : posix.normalize(prefix).replace(/(?<=.)\/$/, '');
}
