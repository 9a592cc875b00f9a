/**
 * The control socket as part of the agent's life: opened once the agent is ready, or a while after its start when it does
 * not get ready, since that is when somebody wants to know why. A socket that cannot be opened is a warning.
 */
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import type { ControlServer } from './control-server.ts';
import type { AgentFace } from './methods.ts';

export interface LateControlOptions {
  /** Empty: no control socket. */
  readonly path: string;
  readonly agent: AgentFace;
  readonly clock: Clock;
  readonly log: Log;
}

export interface LateControl {
  /** Opens it, if it is not open yet: at READY, and when the operator asks for another look (SIGHUP). */
  open(): void;
  close(): Promise<void>;
}

const LATEST_MS = 1000;

export function startLateControl({ path, agent, clock, log }: LateControlOptions): LateControl {
  let server: Promise<ControlServer | undefined> | undefined;
  let closed = false;
  const attempt = async (): Promise<ControlServer | undefined> => {
    try {
      const { openControl } = await import('./open-control.ts');
      return await openControl({ path, agent, log });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      log.warn('control socket not opened', { code: error.code, why: error.summary, remedy: error.remedy });
      server = undefined;
      return undefined;
    }
  };
  const open = (): void => {
    if (path !== '' && !closed) server ??= attempt();
  };
  const cancel = clock.after(LATEST_MS, open);
  return {
    open,
    async close() {
      closed = true;
      cancel();
      await (await server)?.close();
    },
  };
}
