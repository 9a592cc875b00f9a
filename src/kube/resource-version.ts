/**
 * Resource versions: decimal texts up to 2^64 that grow with every write, so that two of one resource can be compared
 * (Kubernetes KEP-5504; true of every version with etcd below).
 */
const DECIMAL = /^[1-9]\d*$/;

/** Whether `a` was written before `b`; false where that cannot be told. */
export function isOlderVersion(a: string, b: string): boolean {
  if (a === b || !DECIMAL.test(a) || !DECIMAL.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}
