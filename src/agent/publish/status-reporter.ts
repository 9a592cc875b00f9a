/** Tells the service manager the status when it changes, but not more often than once in a while: the last text always arrives. */
import type { Clock } from '#runtime/clock.ts';

export interface StatusReporterOptions {
  /** Sends to the service manager (`notifier`). */
  readonly notify: (text: string) => void;
  readonly clock: Clock;
  /** Between two messages; default 2000. */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 2000;

export class StatusReporter {
  readonly #options: StatusReporterOptions;
  #told: string | undefined;
  #wanted: string | undefined;
  #quietUntil = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  /** READY=1 with the status of that moment; never delayed. */
  ready(status: string): void {
    this.#wanted = status;
    this.#tell(status, 'READY=1\n');
  }

  /** The status now; equal to the last one it costs nothing. */
  update(status: string): void {
    this.#wanted = status;
    if (status === this.#told || this.#cancel !== undefined || this.#stopped) return;
    const { clock } = this.#options;
    const waitMs = this.#quietUntil - clock.now();
    if (waitMs <= 0) this.#tell(status);
    else this.#cancel = clock.after(waitMs, () => this.#tellWanted());
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#cancel?.();
    this.#stopped = true;
  }

  #tellWanted(): void {
    this.#cancel = undefined;
    if (this.#wanted !== undefined && this.#wanted !== this.#told) this.#tell(this.#wanted);
  }

  #tell(status: string, before = ''): void {
    this.#told = status;
    this.#quietUntil = this.#options.clock.now() + (this.#options.intervalMs ?? INTERVAL_MS);
    this.#options.notify(`${before}STATUS=${status}`);
  }
}
