/** What the same machine needs, in the same minute, for the work that cannot be avoided. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterNamespace } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import { forgetDevice, ipBatchIn } from './hosts.ts';
import { batchTexts, type Peer } from './peers.ts';
import { SANDBOX_DIRECTORY } from './sandbox.ts';
import { median } from './statistics.ts';
import type { Store } from './store.ts';

let measured = 0;

/** Milliseconds of one put to etcd, one after the other: the median of `count`. */
export async function etcdPutMs({ etcd }: Store, count = 25): Promise<number> {
  const samples: number[] = [];
  const value = 'x'.repeat(120);
  for (let at = 0; at < count; at += 1) {
    const begunMs = performance.now();
    await etcd.put({ key: '/bench/yardstick', value });
    samples.push(performance.now() - begunMs);
  }
  return median(samples);
}

/** A fresh namespace with an empty `flannel.1`; to be given back. */
export async function withVxlanNamespace<Result>(use: (namespace: string) => Promise<Result>): Promise<Result> {
  measured += 1;
  const namespace = `y${measured}`;
  await mustRun({ argv: ['ip', 'netns', 'add', namespace], why: 'make a namespace' });
  try {
    await ipBatchIn(namespace, [
      'link add u0 type veth peer name u1\n',
      'link set u0 up\n',
      'link set u1 up\n',
      'address add 172.20.255.1/16 dev u0\n',
      'link add flannel.1 mtu 1450 type vxlan id 1 dev u0 local 172.20.255.1 nolearning dstport 8472\n',
      'link set flannel.1 up\n',
    ]);
    return await use(namespace);
  } finally {
    await forgetDevice(namespace);
    await mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove a namespace' });
  }
}

/** Milliseconds of `ip -batch` and `bridge -batch` that program the peers in flannel's form. */
export function kernelPeersMs(peers: readonly Peer[]): Promise<number> {
  return withVxlanNamespace(async (namespace) => {
    const texts = batchTexts(peers);
    const files = { ip: join(SANDBOX_DIRECTORY, 'ip.batch'), bridge: join(SANDBOX_DIRECTORY, 'bridge.batch') };
    writeFileSync(files.ip, texts.ip);
    writeFileSync(files.bridge, texts.bridge);
    const begunMs = performance.now();
    for (const [program, file] of Object.entries(files)) {
      const [command = '', ...parameters] = enterNamespace(namespace, [program, '-batch', file]);
      execFileSync(command, parameters);
    }
    const elapsedMs = performance.now() - begunMs;
    for (const file of Object.values(files)) rmSync(file);
    return elapsedMs;
  });
}
