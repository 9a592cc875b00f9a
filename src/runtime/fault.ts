/**
 * Fault: the one class for everything that can go wrong while operating (a wrong file, an unreachable endpoint, a full
 * network). A programmer's error is a plain Error and crashes; a Fault is reported in words that say what to do.
 *
 * Foreign errors (errno, gRPC status, TLS) become Faults once, at the boundary where they arrive.
 */
import { FAULTS, type FaultCode } from './fault-table.ts';

export interface FaultDetail {
  /** What went wrong, one sentence without a full stop: names the field and the value where there is one. */
  readonly what: string;
  /** Where: an endpoint, a file with line, a key, a device. */
  readonly where?: string;
  /** The likely cause, where what is known points to one. */
  readonly why?: string;
  /** What the operator does about it; default is the table's remedy for the code. */
  readonly remedy?: string;
  /** The foreign error that this one translates. */
  readonly cause?: unknown;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly where: string | undefined;
  readonly why: string | undefined;
  readonly remedy: string;

  constructor(code: FaultCode, detail: FaultDetail) {
    super(detail.what, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'Fault';
    this.code = code;
    this.where = detail.where;
    this.why = detail.why;
    this.remedy = detail.remedy ?? FAULTS[code].remedy;
  }

  /** Parts of the agent that are loaded later are bundles with a Fault class of their own; a Fault of any of them is one. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Error[Symbol.hasInstance](value) && Reflect.get(Object(value), 'name') === 'Fault';
  }

  /** Process exit code for this fault: 1 failure, 2 wrong usage, 3 cannot reach what it needs. */
  get exitCode(): number {
    return FAULTS[this.code].exit;
  }

  /** All that is known on one line, for a log. */
  get summary(): string {
    const where = this.where === undefined ? '' : ` (${this.where})`;
    const why = this.why === undefined ? '' : `: ${this.why}`;
    return `${this.message}${where}${why}`;
  }

  /** The form a person reads on a terminal: what and where, then why, then the remedy, then the code. */
  override toString(): string {
    const lines = [`error: ${this.message}${this.where === undefined ? '' : `\n  where:  ${this.where}`}`];
    if (this.why !== undefined) lines.push(`  why:    ${this.why}`);
    lines.push(`  remedy: ${this.remedy}`, `  code:   ${this.code}`);
    return lines.join('\n');
  }
}
