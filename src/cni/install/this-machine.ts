/** The machine that is asked and changed: this one. */
import { existsSync } from 'node:fs';
import { parseVersionAnswer } from '#cni/protocol/version.ts';
import { readBridge, removeBridge } from '#hosts/bridge.ts';
import { localHost } from '#hosts/local.ts';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import type { Machine } from './install-request.ts';
import { tryNetwork } from './trial.ts';

export const thisMachine: Machine = {
  versionsOf,
  lookAtBridge: (name) => readBridge(localHost(), name),
  deleteBridge: (name) => removeBridge(localHost(), name),
  dockerRuns: () => existsSync('/run/docker.pid'),
  tryNetwork,
};

async function versionsOf(file: string): Promise<readonly string[] | undefined> {
  try {
    const { code, stdout } = await runCommand({
      argv: [file],
      environment: { CNI_COMMAND: 'VERSION' },
      stdin: '{}',
      why: 'ask for versions',
    });
    return code === 0 ? parseVersionAnswer(stdout) : undefined;
  } catch (error) {
    // One that does not even start is found by the trial, which says more.
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
