/** Asks the lab's etcd from outside: starts this program at the lab's switch, hands it the request, reads the answer. */

import { enterNamespace } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import { etcdOptions } from './etcd-access.ts';
import type { FabricReport, FabricRequest } from './fabric.ts';
import type { LabPlan } from './plan.ts';
import { LAB_MARK } from './state.ts';
import { weftProgram } from './weft-program.ts';

/** Words of the hidden command that answers. */
export const INSIDE_COMMAND = 'inside';

export interface FabricQuestion {
  readonly document?: string;
  readonly patienceMs: number;
}

export async function askFabric(plan: LabPlan, labId: string, question: FabricQuestion): Promise<FabricReport> {
  const request: FabricRequest = { etcd: { ...etcdOptions(plan), timeoutMs: 2000 }, prefix: plan.prefix, ...question };
  const output = await mustRun({
    argv: enterNamespace(plan.switchNamespace, [weftProgram(), 'lab', INSIDE_COMMAND]),
    stdin: JSON.stringify(request),
    environment: { [LAB_MARK]: labId },
    why: 'ask the etcd of the lab',
    timeoutMs: question.patienceMs + 20_000,
  });
  return JSON.parse(output.stdout);
}
