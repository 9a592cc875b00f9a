/** Translates what an etcd v2 endpoint answers in place of a result into Faults, and says what that means for other members. */
import { Fault } from '#runtime/fault.ts';
import type { Failure, FailureKind } from './outcome.ts';

/** Codes of the v2 API (etcd's errorcode.md) that this client knows. */
export const V2_ERROR = {
  keyNotFound: 100,
  compareFailed: 101,
  notAFile: 102,
  notADirectory: 104,
  nodeExists: 105,
  rootOnly: 107,
  unauthorized: 110,
  raftInternal: 300,
  leaderElection: 301,
  eventIndexCleared: 401,
} as const;

/** What a verb takes for an answer; it would be the same on every member. */
const ANSWERS: ReadonlySet<number> = new Set([
  V2_ERROR.keyNotFound,
  V2_ERROR.compareFailed,
  V2_ERROR.notAFile,
  V2_ERROR.notADirectory,
  V2_ERROR.nodeExists,
  V2_ERROR.eventIndexCleared,
]);

export interface V2Refusal {
  readonly errorCode: number;
  /** etcd's own words. */
  readonly text: string;
  readonly url: string;
  readonly asked: string;
  readonly username: string | undefined;
}

export function isAnswer(errorCode: number): boolean {
  return ANSWERS.has(errorCode);
}

/** An error that is no answer to any verb. */
export function refusedByV2(refusal: V2Refusal): Failure {
  const { errorCode, text, url, asked, username } = refusal;
  const detail = { where: url, why: `etcd says: ${text} (v2 error ${errorCode})` };
  const failed = (kind: FailureKind, fault: Fault): Failure => ({ type: 'failed', kind, fault });
  if (errorCode === V2_ERROR.unauthorized) {
    const what =
      username === undefined
        ? `etcd wants a user for ${asked}`
        : `etcd refuses the user ${JSON.stringify(username)}, the password, or ${asked} for that user`;
    return failed('refused', new Fault('etcd.auth', { ...detail, what }));
  }
  const unavailable = { ...detail, what: `etcd cannot serve ${asked} now` };
  if (errorCode === V2_ERROR.leaderElection) return failed('leaderless', new Fault('etcd.unavailable', unavailable));
  if (errorCode !== V2_ERROR.raftInternal) {
    return failed('refused', new Fault('etcd.refused', { ...detail, what: `etcd refused ${asked}` }));
  }
  // The member gave up waiting; what it passed on may still be done.
  if (/timed out|deadline exceeded|canceled/.test(text)) {
    return failed('unknown', new Fault('etcd.timeout', { ...detail, what: `etcd did not finish ${asked} in time` }));
  }
  return failed('unknown', new Fault('etcd.unavailable', unavailable));
}

/** A verb met one of the answers that it has no use for: a directory where a key belongs, a key where a directory does. */
export function unexpectedAnswer(asked: string, url: string, text: string): Fault {
  return new Fault('etcd.refused', { what: `etcd refused ${asked}`, where: url, why: `etcd says: ${text}` });
}

/** What answers there is no etcd, or one that does not serve v2. */
export function notV2Fault(url: string, why: string): Fault {
  return new Fault('etcd.protocol', {
    what: 'the endpoint does not answer as the etcd v2 API does',
    where: url,
    why,
    remedy: 'start etcd with --enable-v2=true (etcd 3.6 has no v2 any more), or use etcd v3',
  });
}

/** A plain http:// endpoint closes the connection at the first word: what a member does that wants TLS. */
export function notPlainFault(url: string, cause: Error): Fault {
  return new Fault('etcd.tls.handshake', {
    what: 'the endpoint does not speak HTTP in the clear',
    where: url,
    why: 'it closed the connection; most likely it speaks TLS',
    remedy: `use ${url.replace('http:', 'https:')}`,
    cause,
  });
}
