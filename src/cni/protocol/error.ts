/**
 * CniError: what a plugin refuses, as a container runtime reads it: a JSON object on standard output with a numeric code
 * (CNI specification 1.1, section 2, "Error"). Codes below 100 are the specification's, and so is their meaning to runtimes.
 */

export const CNI_CODES = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  /** Tells the runtime that there is nothing to clean up: only for a container of which nothing is left. */
  unknownContainer: 3,
  /** The message must name the variables. */
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidConfiguration: 7,
  /** Something that passes by itself; the runtime should ask again. */
  tryAgainLater: 11,
  /** STATUS only: an ADD would fail now. */
  notAvailable: 50,
  /** STATUS only: an ADD would work, but containers that run may have lost their network. */
  limitedConnectivity: 51,
  /** A plugin that was called in turn ended without an answer that can be used. */
  delegateFailed: 100,
  /** What was set up is gone, or is not what it was. */
  checkFailed: 101,
  /** Go's plugins use it for all that has no code of its own. */
  internal: 999,
} as const;

export class CniError extends Error {
  readonly code: number;
  /** Longer text for people; runtimes print it behind the message. */
  readonly details: string | undefined;

  constructor(code: number, message: string, details?: string) {
    super(message);
    this.name = 'CniError';
    this.code = code;
    this.details = details;
  }
}

/** The object on standard output; `version` is the one of the request's configuration. */
export function encodeError(error: CniError, version: string): string {
  const { code, message: msg, details } = error;
  return `${JSON.stringify({ cniVersion: version, code, msg, ...(details !== undefined && { details }) }, null, 4)}\n`;
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
