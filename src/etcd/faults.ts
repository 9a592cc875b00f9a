/** Translates what goes wrong on the way to etcd (names, TCP, HTTP/2) and gRPC's refusals into Faults. */
import { Fault, type FaultDetail } from '#runtime/fault.ts';

const REFUSED_CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network is unreachable',
  EACCES: 'connecting is not permitted here',
  EPERM: 'a local firewall refuses it',
  ETIMEDOUT: 'the connection attempt timed out',
  ENOENT: 'no such socket',
};

/** A failed `connect`: DNS or TCP. */
export function connectFault(error: unknown, host: string, url: string): Fault {
  const code = errorCode(error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL' || code === 'EAI_NODATA') {
    const why = code === 'ENOTFOUND' ? 'there is no such name' : `the resolver does not answer (${code})`;
    return new Fault('etcd.dns', { what: `the name ${host} does not resolve`, where: url, why, cause: error });
  }
  return new Fault('etcd.tcp', {
    what: 'cannot connect to etcd',
    where: url,
    why: REFUSED_CODES[code] ?? (code === '' ? String(error) : code),
    cause: error,
  });
}

/** The connection went away while it was in use. */
export function lostFault(error: unknown, url: string): Fault {
  const code = errorCode(error);
  return new Fault('etcd.tcp', {
    what: 'the connection to etcd was lost',
    where: url,
    why: REFUSED_CODES[code] ?? (code === '' ? 'etcd closed it' : code),
    ...(error === undefined ? {} : { cause: error }),
  });
}

/** What calls get that were under way when the client was closed. */
export function closedFault(): Fault {
  return new Fault('etcd.unavailable', { what: 'the etcd client is closed', remedy: 'connect again' });
}

export function timeoutFault(what: string, url: string, afterMs: number): Fault {
  return new Fault('etcd.timeout', { what: `${what} within ${Math.round(afterMs)} ms`, where: url });
}

/** gRPC status codes (grpc doc/statuscodes.md) that etcd uses. */
export const GRPC = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface Refusal {
  readonly code: number;
  /** etcd's own words. */
  readonly text: string;
  readonly url: string;
  /** What was asked, such as `put "/a"`. */
  readonly asked: string;
  readonly username?: string | undefined;
}

/** etcd answered with a status other than OK. */
export function refusalFault(refusal: Refusal): Fault {
  const { code, text, url, asked } = refusal;
  const why = `etcd says: ${text.replace(/^etcdserver: /, '')} (gRPC code ${code})`;
  const detail = { where: url, why };
  const user = refusal.username === undefined ? 'without a user' : `for user ${JSON.stringify(refusal.username)}`;
  if (/invalid user ID or password/.test(text)) {
    return new Fault('etcd.auth', {
      ...detail,
      what: `etcd refuses the user ${JSON.stringify(refusal.username)} or the password`,
    });
  }
  if (/permission denied/.test(text)) {
    return new Fault('etcd.auth', { ...detail, what: `etcd does not permit ${asked} ${user}` });
  }
  if (/user name is empty|user name not found/.test(text)) {
    return new Fault('etcd.auth', {
      ...detail,
      what: `etcd wants a user for ${asked}`,
      remedy: 'give -etcd-username and -etcd-password',
    });
  }
  if (isStaleToken(text)) return new Fault('etcd.auth', { ...detail, what: `etcd refuses the token ${user}` });
  if (/revision has been compacted/.test(text)) {
    return new Fault('etcd.compacted', { ...detail, what: `the revision for ${asked} is compacted away` });
  }
  if (isTimeout(refusal)) {
    return new Fault('etcd.timeout', { ...detail, what: `etcd did not finish ${asked} in time` });
  }
  if (code === GRPC.unavailable || /no leader/.test(text)) {
    return new Fault('etcd.unavailable', { ...detail, what: `etcd cannot serve ${asked} now` });
  }
  if (code === GRPC.unimplemented) {
    return new Fault('etcd.protocol', { ...detail, what: `the endpoint does not know ${asked}` });
  }
  return new Fault('etcd.refused', { ...detail, what: `etcd refused ${asked}` });
}

/** The member gave up waiting; what it passed on may still be done. Some paths in etcd give the error no code. */
export function isTimeout({ code, text }: Pick<Refusal, 'code' | 'text'>): boolean {
  return code === GRPC.deadlineExceeded || /request timed out|context (deadline exceeded|canceled)/.test(text);
}

/** A new token makes the call possible. */
export function isStaleToken(text: string): boolean {
  return /invalid auth token|revision of auth store is old/.test(text);
}

export function protocolFault(detail: Omit<FaultDetail, 'what'> & { readonly what?: string }): Fault {
  return new Fault('etcd.protocol', { what: 'the endpoint does not answer as etcd v3 does', ...detail });
}

/** The code of a system error, also of the first in an AggregateError (one per address that was tried). */
export function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
