/** The agent's end of native/cni-shim.c: its request as parameters of the control socket's method `cni`. Loaded at the first one. */
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
  return service.serve(environmentOf(params), textOf(params['config']));
}

function environmentOf(params: Params): Readonly<Record<string, string>> {
  return {
    CNI_COMMAND: textOf(params['command']),
    CNI_CONTAINERID: textOf(params['containerId']),
    CNI_NETNS: textOf(params['netns']),
    CNI_IFNAME: textOf(params['ifname']),
    CNI_ARGS: textOf(params['args']),
    CNI_PATH: textOf(params['path']),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
