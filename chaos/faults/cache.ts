/** A disk that is full where an agent keeps what it knows: it goes on without, and starts without when etcd is there. */
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { HostPlan, LabPlan } from '#lab/plan.ts';
import { killAgent, restartAgent } from '#lab/running-lab.ts';
import { mustRun, runCommand } from '#runtime/command.ts';
import type { ChaosFault, Scene } from './fault.ts';

const START_TIMEOUT_MS = 30_000;
const NOTICE_TIMEOUT_MS = 10_000;
const PAGE_BYTES = 4096;
/** The code under which the agent reports it. */
const REPORTED = 'code=cache.write';

export const CACHE_FAULTS: readonly ChaosFault[] = [
  {
    name: 'cache-full',
    kind: 'control',
    summary: "no room for an agent's cache: a new peer cannot be noted; SIGKILL, and a start without a cache",
    async inflict(scene) {
      const host = scene.random.pick(scene.state().plan.hosts);
      const directory = cacheDirectory(host);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const argv = ['mount', '-t', 'tmpfs', '-o', `size=${PAGE_BYTES},mode=0700`, 'weft-chaos', directory];
      await mustRun({ argv, why: `mount a small disk at ${directory}` });
      try {
        await writeFile(`${directory}/filler`, Buffer.alloc(PAGE_BYTES));
        const reports = countReports(host);
        await withStranger(scene, async () => {
          const deadline = performance.now() + NOTICE_TIMEOUT_MS;
          while (countReports(host) === reports) {
            if (performance.now() > deadline) throw new Error(`the agent of ${host.name} did not miss its cache`);
            await pause(50, undefined, { signal: scene.signal });
          }
        });
        await killAgent(scene.lab, host.name);
        await restartAgent(scene.lab, host.name, scene.signal, START_TIMEOUT_MS);
      } finally {
        await mustRun({ argv: ['umount', directory], why: `take ${directory} away` });
      }
      return { detail: host.name };
    },
  },
];

/** Takes away what `cache-full` of a run that was killed has left; else its lab cannot be removed. */
export async function unmountCaches(plan: LabPlan): Promise<void> {
  for (const host of plan.hosts) {
    const directory = cacheDirectory(host);
    // Not mounted is the rule.
    await runCommand({ argv: ['umount', '--quiet', directory], why: 'take a disk away' });
    await rm(directory, { recursive: true, force: true });
  }
}

function cacheDirectory(host: HostPlan): string {
  return `${host.directory}/cache`;
}

function countReports(host: HostPlan): number {
  return readFileSync(host.agentLog, 'utf8').split(REPORTED).length - 1;
}

/** The record of a host that is not there, for as long as `work` takes: something new to note for every agent. */
async function withStranger(scene: Scene, work: () => Promise<void>): Promise<void> {
  const { prefix, switchAddress } = scene.state().plan;
  const key = `${prefix}/subnets/172.30.255.0-24`;
  const value = JSON.stringify({
    PublicIP: switchAddress,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: '0a:00:00:00:00:ff' },
  });
  await scene.withEtcd((etcd) => etcd.put({ key, value }));
  try {
    await work();
  } finally {
    await scene.withEtcd((etcd) => etcd.delete({ key }));
  }
}
