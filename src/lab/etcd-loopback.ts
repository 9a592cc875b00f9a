/** Members for a cluster on this machine's loopback addresses, for tests and the bench: no two clusters share an address. */
import type { EtcdMemberOptions } from './etcd-member.ts';

let membersGiven = 0;

/** `count` members named `m1`…, each on an address of 127.64.0.0/10 that holds this process's id. */
export function loopbackMembers(count: number): EtcdMemberOptions[] {
  return Array.from({ length: count }, (_, index) => {
    const second = 64 + (membersGiven++ % 64);
    return { name: `m${index + 1}`, address: `127.${second}.${(process.pid >> 8) & 255}.${process.pid & 255}` };
  });
}
