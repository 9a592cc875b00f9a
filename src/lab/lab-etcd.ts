/** The etcd of a lab: how its members are started, and members killed and started again while the lab is up. */
import { Fault } from '#runtime/fault.ts';
import { etcdDirectory, membersOf } from './etcd-access.ts';
import { type EtcdClusterOptions, memberSettings } from './etcd-cluster.ts';
import { awaitHealthy } from './etcd-health.ts';
import { type StartedMember, startMember } from './etcd-member.ts';
import { unknownName } from './find-host.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { isRunning, signalProcesses, waitUntilGone } from './process-identity.ts';
import { LAB_MARK, type LabProcess, type LabState, requireState, updateState } from './state.ts';

const READY_TIMEOUT_MS = 30_000;
const KILL_TIMEOUT_MS = 5000;

/** The cluster of a lab, as it is started at first and as a member is started again. */
export function clusterOptions({ id, plan }: LabState): EtcdClusterOptions & { readonly timeoutMs: number } {
  return {
    directory: etcdDirectory(plan),
    members: membersOf(plan).map(({ name, address, namespace }) => ({ name, address, namespace })),
    detached: true,
    flags: plan.etcdApi === 'v2' ? ['--enable-v2=true'] : [],
    environment: { [LAB_MARK]: id },
    timeoutMs: READY_TIMEOUT_MS,
  };
}

/** What a person calls the member on a host: `etcd2` on `host2`. */
export function memberName(host: HostPlan): string {
  return `etcd${host.number}`;
}

/** The host of the member `etcd2`, which `host2` names as well; Fault `lab.host` with the nearest name. */
export function findMember(plan: LabPlan, name: string): HostPlan {
  const members = membersOf(plan);
  const found = members.find((host) => memberName(host) === name || host.name === name);
  if (found !== undefined) return found;
  throw unknownName(plan, name, members.map(memberName), 'etcd member');
}

/** The member on a host as recorded, whether it still runs or not. */
export function memberOf(state: LabState, host: HostPlan): LabProcess | undefined {
  return state.processes.find((process) => process.role === 'etcd' && process.host === host.name);
}

/** SIGKILL to one member, or to all of them: what a power cut does. Gives the names of those that ran. */
export async function killMembers(lab: string, member?: string): Promise<readonly string[]> {
  const state = requireState(lab);
  const running = chosen(state, member).flatMap((host) => {
    const process = memberOf(state, host);
    return process !== undefined && isRunning(process) ? [{ host, process }] : [];
  });
  if (running.length === 0) {
    throw new Fault('lab.host', {
      what: member === undefined ? 'no etcd member runs' : `the etcd member ${member} does not run`,
      remedy: `start it: weft lab start-etcd${member === undefined ? '' : ` ${member}`}`,
    });
  }
  const processes = running.map(({ process }) => process);
  signalProcesses(processes, 'SIGKILL');
  await waitUntilGone(processes, KILL_TIMEOUT_MS);
  return running.map(({ host }) => memberName(host));
}

export interface StartedMembers {
  /** Names of those that did not run before. */
  readonly started: readonly string[];
  /** Whether more than half of all members run; without that etcd serves nobody, and there was nothing to wait for. */
  readonly majority: boolean;
}

/** Starts one member, or all that do not run, on their data, and waits until they serve. Fault `lab.up` as `awaitHealthy`. */
export async function startMembers(lab: string, signal: AbortSignal, member?: string): Promise<StartedMembers> {
  const state = requireState(lab);
  const options = clusterOptions(state);
  const settings = memberSettings(options);
  const idle = chosen(state, member).filter((host) => !runs(state, host));
  const members = await Promise.all(
    idle.map(async ({ name, address, namespace }) => {
      const started = await startMember({ name, address, namespace }, settings);
      record(lab, started);
      return started;
    }),
  );
  const now = requireState(lab);
  const all = membersOf(now.plan);
  const majority = all.filter((host) => runs(now, host)).length * 2 > all.length;
  if (majority) await Promise.all(members.map((each) => awaitHealthy(each, options.timeoutMs, () => signal.aborted)));
  return { started: idle.map(memberName), majority };
}

function chosen({ plan }: LabState, member: string | undefined): readonly HostPlan[] {
  return member === undefined ? membersOf(plan) : [findMember(plan, member)];
}

function runs(state: LabState, host: HostPlan): boolean {
  const process = memberOf(state, host);
  return process !== undefined && isRunning(process);
}

function record(lab: string, { member: { name, pid, startTicks } }: StartedMember): void {
  const entry: LabProcess = { role: 'etcd', host: name, pid, startTime: String(startTicks) };
  updateState(lab, (state) => ({
    ...state,
    processes: [...state.processes.filter((other) => other.role !== 'etcd' || other.host !== name), entry],
  }));
}
