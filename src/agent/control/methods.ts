/** What the agent can be asked over the control socket: one table, a line for each. */
import { processReport } from '#agent/publish/process-report.ts';
import type { FabricReport, StatusReport, StoreKind } from '#agent/publish/status-report.ts';
import { verdictOf } from '#agent/publish/verdict.ts';
import { misunderstood, type Params } from './protocol.ts';

/** What the methods need of the agent. */
export interface AgentFace {
  report(detail: { readonly peers: boolean }): FabricReport;
  readonly store: StoreKind;
  /** The plugin `weft` (src/cni/weft/): its answer to a request of the shim. */
  readonly serveCni: (params: Params) => Promise<unknown>;
}

export interface ControlMethod {
  /** The result as JSON has it. Throws a Fault, which is the answer then. */
  readonly run: (params: Params) => unknown;
  /** How long it may take before the client is told that it takes too long. */
  readonly patienceMs: number;
}

export type ControlMethods = ReadonlyMap<string, ControlMethod>;

const AT_ONCE_MS = 10_000;
/** Less than the shim waits. */
const CNI_MS = 25_000;

export function controlMethods(agent: AgentFace): ControlMethods {
  const methods: readonly (readonly [string, ControlMethod])[] = [
    ['status', { run: (params) => status(agent, params), patienceMs: AT_ONCE_MS }],
    ['cni', { run: (params) => agent.serveCni(params), patienceMs: CNI_MS }],
  ];
  return new Map(methods);
}

export function statusReport(
  { report, store }: Pick<AgentFace, 'report' | 'store'>,
  detail: { readonly peers: boolean },
): StatusReport {
  const fabric = report(detail);
  const verdict = verdictOf(fabric, store);
  return { format: 1, verdict, agent: processReport(), ...fabric, store: { kind: store, ...fabric.store } };
}

function status(agent: AgentFace, { peers = false }: Params): StatusReport {
  if (typeof peers !== 'boolean') throw misunderstood('peers is neither true nor false');
  return statusReport(agent, { peers });
}
