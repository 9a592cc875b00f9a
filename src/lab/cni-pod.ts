/** A Pod as a container runtime makes one: a namespace, and the network list of `weft cni install` for it. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { namespacePath } from '#hosts/namespace.ts';
import { type CommandOutput, runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { ipBatchIn } from './machines.ts';
import type { HostPlan } from './plan.ts';
import { cniProgram } from './weft-program.ts';

/** The control socket is opened a moment after READY; until then the plugin says "try again later". */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 50;
const TRY_AGAIN = /"code":11\b/;

/** ADD of the host's Pod by its agent. Throws Fault `lab.up` with what the plugin says. */
export async function attachPod(host: HostPlan, signal: AbortSignal): Promise<void> {
  await ipBatchIn(host.pod.namespace, 'link set lo up\n', `set up ${host.pod.name}`);
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { code, stdout, stderr } = await add(host);
    if (code === 0) return;
    signal.throwIfAborted();
    if (!TRY_AGAIN.test(stdout) || performance.now() > deadline) {
      throw new Fault('lab.up', {
        what: `the CNI plugin did not attach ${host.pod.name}`,
        where: host.controlSocket,
        why: (stdout + stderr).trim(),
        remedy: `read the agent's log: ${host.agentLog}`,
      });
    }
    await pause(PAUSE_MS);
  }
}

function add(host: HostPlan): Promise<CommandOutput> {
  const config = {
    cniVersion: '1.0.0',
    name: 'cbr0',
    type: 'weft',
    // With the lab's own files, which go with it.
    dataDir: join(host.directory, 'cni'),
    ipam: { dataDir: join(host.directory, 'addresses') },
  };
  return runCommand({
    argv: [cniProgram()],
    environment: {
      WEFT_CONTROL_SOCKET: host.controlSocket,
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: host.pod.namespace,
      CNI_NETNS: namespacePath(host.pod.namespace),
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
    },
    stdin: JSON.stringify(config),
    why: `attach ${host.pod.name}`,
  });
}
