/** The signals that the agent listens to. After the first that ends it, they have their default effect: a second one kills. */

/** What of `process` is used. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * Resolves with the signal that ends the agent. `reload` is called for each SIGHUP; without it SIGHUP keeps its default
 * effect, which is to end the process.
 */
export function listenForSignals(source: SignalSource, reload?: () => void): Promise<NodeJS.Signals> {
  const hangUp = (): void => reload?.();
  if (reload !== undefined) source.on('SIGHUP', hangUp);
  return new Promise((resolve) => {
    const end = (signal: NodeJS.Signals): void => {
      for (const ending of ENDING) source.off(ending, end);
      source.off('SIGHUP', hangUp);
      resolve(signal);
    };
    for (const ending of ENDING) source.on(ending, end);
  });
}
