/** The control socket with all that the agent answers there: one part of the bundle, loaded when the start is over. */
import type { Log } from '#runtime/log.ts';
import { type ControlServer, openControlServer } from './control-server.ts';
import { type AgentFace, controlMethods } from './methods.ts';

export interface OpenControlOptions {
  readonly path: string;
  readonly agent: AgentFace;
  readonly log: Log;
}

/** Listens when it resolves. Throws Fault `agent.control-socket`. */
export function openControl({ path, agent, log }: OpenControlOptions): Promise<ControlServer> {
  return openControlServer({ path, methods: controlMethods(agent), log });
}
