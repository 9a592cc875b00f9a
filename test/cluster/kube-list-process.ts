/** A process that lists the nodes of the API server in argv[2], and prints how many and by how much its memory grew at most. */
import { readFileSync } from 'node:fs';
import { annotationNames } from '#agent/leases/kube-annotations.ts';
import { KubeLeaseStore } from '#agent/leases/kube-store.ts';
import { connectKube } from '#kube/client.ts';

const api = connectKube({ url: process.argv[2] ?? '', tls: {} });
const annotations = annotationNames('flannel.alpha.coreos.com');
const store = new KubeLeaseStore({ api, annotations, nodeName: async () => 'host1', networkFile: '' });
const before = peakMegabytes();
const { leases } = await store.list();
console.log(JSON.stringify({ leases: leases.length, grewMegabytes: peakMegabytes() - before }));
store.close();

function peakMegabytes(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
