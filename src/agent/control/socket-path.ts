/** The path of the control socket: made for root alone; what a dead agent left there is replaced, anything else is not. */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { Fault } from '#runtime/fault.ts';

const PROBE_TIMEOUT_MS = 1000;
/** Of sockaddr_un in Linux, less the zero at its end. */
const LONGEST_PATH_BYTES = 107;

/** Makes the way free for a socket at this path. Throws Fault `agent.control-socket`. */
export async function clearSocketPath(path: string): Promise<void> {
  // Node would bind a path that is cut off.
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw socketFault(path, `it is longer than the ${LONGEST_PATH_BYTES} bytes that Linux allows`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) throw socketFault(path, 'something that is no socket is there');
    if (await answers(path)) throw socketFault(path, 'an agent that runs listens there');
    unlinkSync(path);
  } catch (error) {
    if (error instanceof Fault || !(error instanceof Error)) throw error;
    throw socketFault(path, error.message, error);
  }
}

export function socketFault(path: string, why: string, cause?: Error): Fault {
  return new Fault('agent.control-socket', {
    what: 'the agent cannot be asked for its status',
    where: `-control-socket ${path}`,
    why,
    ...(cause !== undefined && { cause }),
  });
}

/** Whether somebody listens: only a refusal says that nobody does. One who is stopped listens too. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path });
    const end = (listening: boolean): void => {
      probe.destroy();
      resolve(listening);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => end(true));
    probe.on('connect', () => end(true));
    probe.on('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}
