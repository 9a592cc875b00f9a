/** How whoever asks for a lab takes part while it is made. */
import { destroyLab } from './destroy-lab.ts';

export interface LabControl {
  readonly signal: AbortSignal;
  /** A step begins; the one before is done. */
  readonly step: (text: string) => void;
  /** The running step in other words. */
  readonly update: (text: string) => void;
}

/**
 * Does a part of the work, and takes the lab down when it is called off meanwhile. Ctrl-C reaches the programs that run
 * for us as well, so whatever failure comes then is the interruption: the promise rejects with the signal's reason.
 */
export async function undoIfAborted<Result>(
  name: string,
  control: LabControl,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    const result = await work();
    control.signal.throwIfAborted();
    return result;
  } catch (error) {
    if (!control.signal.aborted) throw error;
    await destroyLab(name);
    throw control.signal.reason;
  }
}
