/** `weft certs init`: the authority of a directory is made when there is none, and never replaced. */
import type { KeyType } from '#pki/key-pair.ts';
import { authorityDifferences, checkClock, makeAuthority, openAuthority } from './authority-files.ts';
import { readInputs } from './inputs.ts';
import type { Outcome } from './outcome.ts';
import type { CertificateRequest } from './request.ts';
import { withLock } from './store/lock.ts';
import { finishPairs } from './store/pair-files.ts';
import { readPair } from './store/stored-pair.ts';
import { makeDirectory } from './store/text-file.ts';

/** What flags say; each wins over the input. */
export interface RootFlags {
  readonly commonName?: string;
  readonly keyType?: KeyType;
  readonly rootLifeMs?: number;
}

/** What the root is without a ca-csr.json. */
const STANDARD: CertificateRequest = {
  subject: { commonName: 'kubernetes', names: [] },
  hosts: [],
  keyType: 'rsa2048',
};

/** Throws Fault `certs.…`. */
export async function initAuthority(directory: string, flags: RootFlags, nowMs: number): Promise<Outcome> {
  checkClock(nowMs);
  const inputs = readInputs(directory);
  makeDirectory(directory);
  return withLock(directory, async () => {
    const finished = finishPairs(directory);
    const request = inputs.requests.get('ca');
    if (readPair(directory, 'ca').state !== 'absent') {
      const authority = await openAuthority(directory, nowMs);
      const reasons = authorityDifferences(authority, withFlags(request, flags));
      const action = finished.includes('ca') ? 'completed' : 'kept';
      return { name: 'ca', action, reasons, backups: [], expires: authority.parsed.validToDate.toISOString() };
    }
    await makeAuthority(directory, { ...(request ?? STANDARD), ...withFlags(request, flags) }, nowMs);
    const authority = await openAuthority(directory, nowMs);
    return {
      name: 'ca',
      action: 'made',
      reasons: [],
      backups: [],
      expires: authority.parsed.validToDate.toISOString(),
    };
  });
}

function withFlags(
  request: CertificateRequest | undefined,
  { commonName, ...flags }: RootFlags,
): Partial<CertificateRequest> {
  if (commonName === undefined) return { ...request, ...flags };
  return { ...request, ...flags, subject: { names: request?.subject.names ?? [], commonName } };
}
