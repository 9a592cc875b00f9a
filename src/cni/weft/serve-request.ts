/** The agent's end of native/cni-shim.c: its request as parameters of the control socket's method `cni`. Loaded at the first one. */
import type { Environment } from '#cni/protocol/request.ts';
import type { Log } from '#runtime/log.ts';
import { type CniAnswer, CniService } from './cni-service.ts';

type Params = { readonly [name: string]: unknown };

let service: CniService | undefined;

/** Serves with the one service of this process, made at the first request. */
export function serveRequest(
  params: Params,
  agent: { readonly subnetFile: string; readonly log: Log },
): Promise<CniAnswer> {
  service ??= new CniService(agent);
  return service.serve(...shimEnvironment(params));
}

/** The variables and the standard input that the shim was started with. */
export function shimEnvironment(params: Params): readonly [environment: Environment, input: string] {
  const environment = {
    CNI_COMMAND: textOf(params['command']),
    CNI_CONTAINERID: textOf(params['containerId']),
    CNI_NETNS: textOf(params['netns']),
    CNI_IFNAME: textOf(params['ifname']),
    CNI_ARGS: textOf(params['args']),
    CNI_PATH: textOf(params['path']),
  };
  return [environment, textOf(params['config'])];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
