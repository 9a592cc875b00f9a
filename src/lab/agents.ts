/** The agents of a lab: one process per host, started detached and all at once, ready when they say so. */
import { mkdirSync } from 'node:fs';
import { Fault } from '#runtime/fault.ts';
import { firstOf, logTail } from './await-program.ts';
import { clientFiles, endpointsOf } from './etcd-access.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { awaitReady } from './ready.ts';
import { type DetachedProgram, startDetached } from './start-detached.ts';
import { LAB_MARK, type LabProcess, type LabState, updateState } from './state.ts';
import { weftProgram } from './weft-program.ts';

const READY_TIMEOUT_MS = 60_000;

/** The agent's program on a host, with flannel's flags. */
export function agentProgram(plan: LabPlan, labId: string, host: HostPlan): DetachedProgram {
  const { caFile, certFile, keyFile } = clientFiles(plan);
  const flags: Readonly<Record<string, string>> = {
    'etcd-endpoints': endpointsOf(plan).join(','),
    'etcd-prefix': plan.prefix,
    'etcd-api': plan.etcdApi,
    'etcd-cafile': caFile,
    'etcd-certfile': certFile,
    'etcd-keyfile': keyFile,
    iface: 'eth0',
    'subnet-file': host.subnetFile,
    'control-socket': host.controlSocket,
    'cache-file': `${host.directory}/cache/agent.json`,
    ...(plan.masquerade && { 'ip-masq': 'true' }),
  };
  return {
    namespace: host.namespace,
    argv: [weftProgram(), 'agent', ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
    environment: {
      [LAB_MARK]: labId,
      NOTIFY_SOCKET: host.notifySocket,
      // One machine has room for one wireguard device of a name and for one key, unless told otherwise.
      WEFT_WIREGUARD_DIRECTORY: `${host.directory}/wireguard`,
      WIREGUARD_KEY_FILE: `${host.directory}/wgkey`,
    },
    logFile: host.agentLog,
  };
}

/**
 * Starts the agent of a host and waits until it is ready; it is recorded in the state as soon as it runs. One that is not
 * ready in time is a Fault `lab.up` with the end of its log, and runs on.
 */
export async function startAgent(
  state: LabState,
  host: HostPlan,
  signal: AbortSignal,
  timeoutMs = READY_TIMEOUT_MS,
): Promise<LabProcess> {
  mkdirSync(host.directory, { recursive: true });
  using readiness = awaitReady(host.notifySocket);
  const startedMs = performance.now();
  const { identity, ended } = startDetached(agentProgram(state.plan, state.id, host));
  const record: LabProcess = { role: 'agent', host: host.name, ...identity };
  setAgent(state.plan.name, record);
  const outcome = await firstOf(readiness.ready, ended, { signal, timeoutMs });
  if (outcome !== 'ready') throw agentFault(host, outcome);
  const ready = { ...record, readyMs: Math.round(performance.now() - startedMs) };
  setAgent(state.plan.name, ready);
  return ready;
}

/** The agent of a host as recorded, whether it still runs or not. */
export function agentOf(state: LabState, host: HostPlan): LabProcess | undefined {
  return state.processes.find((process) => process.role === 'agent' && process.host === host.name);
}

function setAgent(lab: string, record: LabProcess): void {
  updateState(lab, (state) => ({
    ...state,
    processes: [...state.processes.filter((other) => other.role !== 'agent' || other.host !== record.host), record],
  }));
}

function agentFault(host: HostPlan, why: string): Fault {
  return new Fault('lab.up', {
    what: `the agent on ${host.name} did not get ready`,
    where: host.agentLog,
    why: [why, ...logTail(host.agentLog)].join('\n    '),
  });
}
