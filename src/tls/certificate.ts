/** What messages say of a certificate. */
import type { X509Certificate } from 'node:crypto';
import { Fault } from '#runtime/fault.ts';
import type { TlsPeer } from './peer.ts';

/** A Fault when the certificate is expired or not yet valid at `nowMs`. */
export function expiryFault(
  { faults }: TlsPeer,
  name: string,
  certificate: X509Certificate,
  nowMs: number,
  where: string,
): Fault | undefined {
  const { validFromDate: from, validToDate: to } = certificate;
  const isOver = nowMs > to.getTime();
  if (!isOver && nowMs >= from.getTime()) return undefined;
  const when = isOver ? `expired on ${to.toISOString()}` : `is not valid before ${from.toISOString()}`;
  const what = `${name} ${commonName(certificate.subject)} ${when}`;
  return new Fault(`${faults}.tls.expired`, { what, where, why: `it is now ${new Date(nowMs).toISOString()}` });
}

/** `"CN"` out of a name with one attribute a line; the whole name on one line when it has no CN. */
export function commonName(name: string): string {
  return JSON.stringify(/^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', '));
}
