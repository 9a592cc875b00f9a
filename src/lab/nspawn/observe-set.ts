/** How the machines of a set are now. */
import { runCommand } from '#runtime/command.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { CONCURRENCY, type Machine } from './machine-set.ts';
import { isPoweredOn, markOf } from './power.ts';
import type { SetState } from './set-state.ts';
import { sshArgv, sshFiles } from './ssh-access.ts';

export interface MachineSnapshot {
  readonly name: string;
  readonly address: string;
  readonly power: 'on' | 'off';
  /** systemd's word for its state (`running`, `degraded`, `starting`); undefined when it does not answer by SSH. */
  readonly system?: string;
  /** Units that have failed. */
  readonly failedUnits: readonly string[];
  readonly machineId: string;
  readonly namespace: string;
}

export interface SetSnapshot {
  readonly name: string;
  readonly phase: SetState['phase'];
  readonly createdAt: string;
  readonly subnet: string;
  readonly sshConfig: string;
  readonly base: string;
  readonly packages: readonly string[];
  readonly internet: boolean;
  readonly machines: readonly MachineSnapshot[];
  readonly snapshots: readonly { readonly name: string; readonly createdAt: string }[];
}

const ANSWER_TIMEOUT_MS = 20_000;
const LOOK = 'systemctl is-system-running; systemctl list-units --failed --plain --no-legend';

export async function observeSet(state: SetState): Promise<SetSnapshot> {
  const { plan, stack, phase, createdAt } = state;
  const { name, subnet, base, packages, internet } = plan;
  const machines = await mapConcurrent(plan.machines, CONCURRENCY, (machine) => observe(state, machine));
  const snapshots = stack.snapshots.map((each) => ({ name: each.name, createdAt: each.createdAt }));
  const { config } = sshFiles(plan);
  return { name, phase, createdAt, subnet, sshConfig: config, base, packages, internet, machines, snapshots };
}

/** Everything that is not as it should be, a sentence each. Pure. */
export function setProblems(snapshot: SetSnapshot): readonly string[] {
  const unfinished = snapshot.phase === 'up' ? [] : [unfinishedText(snapshot)];
  const broken = snapshot.machines.flatMap(({ name, power, system, failedUnits }) => {
    if (power === 'off') return [`${name} is off: weft lab machines reboot ${name}`];
    if (system === undefined) return [`${name} does not answer by SSH`];
    return system === 'running' ? [] : [`${name} is ${[system, ...failedUnits].join(', ')}`];
  });
  return [...unfinished, ...broken];
}

function unfinishedText({ name, phase }: SetSnapshot): string {
  const what = phase === 'starting' ? 'an up is at work on them, or was killed' : 'a down was interrupted';
  return `the machines ${name} are not finished: ${what} (weft lab machines down --name ${name})`;
}

async function observe(state: SetState, machine: Machine): Promise<MachineSnapshot> {
  const { name, address, machineId, namespace } = machine;
  const known = { name, address, machineId, namespace };
  if (!isPoweredOn(state, machine)) return { ...known, power: 'off', failedUnits: [] };
  const output = await runCommand({
    argv: sshArgv(state.plan, machine, ['sh', '-c', LOOK]),
    environment: markOf(state),
    why: `look at ${name}`,
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
  const [system = '', ...units] = output.stdout.trim().split('\n');
  const failedUnits = units.map((line) => line.split(' ')[0] ?? '').filter(Boolean);
  return { ...known, power: 'on', failedUnits, ...(system !== '' && { system }) };
}
