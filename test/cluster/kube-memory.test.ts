/** A large cluster must not cost each of its nodes much memory: nodes are listed page by page and dropped at once. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { flannelAnnotations, nodeObject } from './kube-objects.ts';
import { KubeServer } from './kube-server.ts';

const NODES = 10_000;
/** Page by page it takes 15 to 20 MB, as a whole 150 MB. */
const MOST_MEGABYTES = 40;

test(`listing ${NODES} nodes takes less than ${MOST_MEGABYTES} MB`, async (t) => {
  const server = await KubeServer.start(t);
  server.put(nodeObject('host1', { podCidrs: ['10.0.1.0/24'] }));
  for (let number = 2; number <= NODES; number += 1) {
    const [high, low] = [number >> 8, number & 255];
    const annotations = flannelAnnotations(`172.16.${high}.${low}`);
    server.put(nodeObject(`host${number}`, { podCidrs: [`10.${high}.${low}.0/24`], annotations, images: 10 }));
  }
  const program = join(import.meta.dirname, 'kube-list-process.ts');
  // As the launcher starts the agent.
  const flags = ['--max-semi-space-size=1', '--memory-saver-mode'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program, server.url]);
  const { leases, grewMegabytes }: { leases: number; grewMegabytes: number } = JSON.parse(stdout);
  assert.equal(leases, NODES - 1);
  assert.ok(grewMegabytes < MOST_MEGABYTES, `it grew by ${grewMegabytes} MB`);
});
