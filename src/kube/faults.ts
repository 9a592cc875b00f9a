/** Translates what goes wrong between us and an API server (names, TCP, HTTP statuses) into Faults. */
import { Fault } from '#runtime/fault.ts';
import { fieldsOf, parseJson, textOf } from './json.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network is unreachable',
  EACCES: 'connecting is not permitted here',
  EPERM: 'a local firewall refuses it',
  ETIMEDOUT: 'the connection attempt timed out',
};
const RESOLVER = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'];

/** A failed `connect`: DNS or TCP. */
export function connectFault(error: unknown, host: string, url: string): Fault {
  const code = codeOf(error);
  if (RESOLVER.includes(code)) {
    const why = REASONS[code] ?? `the resolver does not answer (${code})`;
    return new Fault('kube.dns', { what: `the name ${host} does not resolve`, where: url, why, cause: error });
  }
  const why = REASONS[code] ?? (code === '' ? String(error) : code);
  return new Fault('kube.tcp', { what: 'cannot connect to the API server', where: url, why, cause: error });
}

/** The connection went away while it was in use. */
export function lostFault(error: unknown, url: string): Fault {
  const code = codeOf(error);
  if (code.startsWith('HPE_')) return protocolFault(url, `it does not speak HTTP (${code})`);
  const why = REASONS[code] ?? (code === '' ? 'it closed it' : code);
  return new Fault('kube.tcp', { what: 'the connection to the API server was lost', where: url, why, cause: error });
}

export function timeoutFault(what: string, url: string, afterMs: number): Fault {
  return new Fault('kube.timeout', { what: `${what} within ${Math.round(afterMs)} ms`, where: url });
}

export function protocolFault(url: string, why: string): Fault {
  return new Fault('kube.protocol', { what: 'the answer is not what an API server sends', where: url, why });
}

/** What calls get that were under way when the client was closed. */
export function closedFault(): Fault {
  return new Fault('kube.unavailable', { what: 'the Kubernetes client is closed', remedy: 'connect again' });
}

/** An API server's refusal, from the head of an answer or from an ERROR event. */
export interface Refusal {
  readonly status: number;
  /** The body: a `Status` object, or what a proxy in between sends. */
  readonly body: unknown;
  readonly url: string;
  /** Verb and resource: `list nodes`, `patch nodes/status "host1"`. */
  readonly asked: string;
}

/** `text` is the body as it came. */
export function refusalOf(status: number, text: string, url: string, asked: string): Refusal {
  return { status, body: parseJson(text), url, asked };
}

const LONGEST_WORDS = 400;

export function refusalFault({ status, body, url, asked }: Refusal): Fault {
  const answer = fieldsOf(body);
  const isStatus = answer?.['kind'] === 'Status';
  const words = (isStatus ? (textOf(answer['message']) ?? '') : '')
    .slice(0, LONGEST_WORDS)
    .replace(/[^\x20-\x7e]/g, '?');
  const said = `the API server says: ${words === '' ? `HTTP status ${status}` : `${words} (${status})`}`;
  const detail = { where: url, why: said };
  if (!isStatus && status !== 401 && status !== 403 && status < 500) {
    return protocolFault(url, `HTTP status ${status} without a Kubernetes Status to ${asked}`);
  }
  if (status === 401) return new Fault('kube.unauthorized', { ...detail, what: 'the API server does not know us' });
  if (status === 403)
    return new Fault('kube.forbidden', { ...detail, what: `the API server does not permit: ${asked}` });
  if (status === 404) return new Fault('kube.not-found', { ...detail, what: `there is nothing to ${asked}` });
  if (status === 410) return new Fault('kube.expired', { ...detail, what: `the history for ${asked} is gone` });
  if (status === 504 && isTooLarge(answer)) {
    const why = 'most likely its etcd was restored from a backup';
    return new Fault('kube.expired', { where: url, why, what: 'the API server went back in time' });
  }
  if (status === 429 || status >= 500) {
    return new Fault('kube.unavailable', { ...detail, what: `the API server cannot serve ${asked} now` });
  }
  return new Fault('kube.refused', { ...detail, what: `the API server refused ${asked}` });
}

/** A version from the future was asked for. */
function isTooLarge(answer: ReturnType<typeof fieldsOf>): boolean {
  const causes: unknown = fieldsOf(answer?.['details'])?.['causes'];
  return Array.isArray(causes) && causes.some((cause) => fieldsOf(cause)?.['reason'] === 'ResourceVersionTooLarge');
}

/** The code of a system error, also of the first in an AggregateError (one per address that was tried). */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
