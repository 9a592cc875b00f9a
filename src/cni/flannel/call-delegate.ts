/**
 * The delegate of the plugin `flannel`: which plugin it is, what it is given, how it is called. What it refuses keeps its own
 * code, so that runtimes see what it meant; the words say that it was the delegate.
 */
import { callDelegate } from '#cni/protocol/delegate.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniRequest, Command, Environment } from '#cni/protocol/request.ts';
import { parseVersionAnswer } from '#cni/protocol/version.ts';
import { type DelegateConfiguration, delegateConfiguration } from './delegate-configuration.ts';
import { flannelConfiguration } from './flannel-configuration.ts';
import { loadSubnetEnv } from './subnet-env.ts';

export interface DelegateOptions {
  /** Handed on to delegates. */
  readonly environment: Environment;
  readonly writeError: (text: string) => void;
  /** Of a delegate's whole run; default as in the protocol. */
  readonly timeoutMs?: number;
}

/** Calls the delegate with the variables of the request; those that are given replace them. Returns what it prints. */
export type CallDelegate = (
  command: Command | 'VERSION',
  request: CniRequest,
  delegate: DelegateConfiguration,
  variables?: Environment,
) => Promise<string>;

export function delegateCaller({ environment, writeError, timeoutMs }: DelegateOptions): CallDelegate {
  return async (command, { path }, { type, text: input }, variables) => {
    const call = { type, path, input, environment: { ...environment, ...variables, CNI_COMMAND: command }, writeError };
    try {
      return await callDelegate({ ...call, ...(timeoutMs !== undefined && { timeoutMs }) });
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      throw new CniError(error.code, `failed to delegate ${command.toLowerCase()}: ${error.message}`, error.details);
    }
  };
}

/** What the delegate is to be given, as things are now. Throws CniError. */
export function currentDelegate({ config }: CniRequest): DelegateConfiguration {
  const own = flannelConfiguration(config);
  return delegateConfiguration(config, own, loadSubnetEnv(own.subnetFile));
}

/** The same with what the agent says when its file is not there, which is what the operator needs to know then. */
export async function delegateOrReason(request: CniRequest, environment: Environment): Promise<DelegateConfiguration> {
  try {
    return currentDelegate(request);
  } catch (error) {
    if (!(error instanceof CniError && error.code === CNI_CODES.tryAgainLater)) throw error;
    const { agentState } = await import('./agent-state.ts');
    throw new CniError(error.code, error.message, await agentState(environment));
  }
}

/** The versions that the delegate says it speaks; undefined when it says nothing that can be read. */
export async function delegateVersions(
  request: CniRequest,
  delegate: DelegateConfiguration,
  call: CallDelegate,
): Promise<readonly string[] | undefined> {
  return parseVersionAnswer(await call('VERSION', request, delegate));
}
