/** Says why a server's certificate is not accepted: which certificate, which name, which date. */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Fault } from '#runtime/fault.ts';
import { commonName, expiryFault } from './certificate.ts';
import type { TlsPeer } from './peer.ts';

const LONGEST_CHAIN = 10;

export interface Verification {
  /** The name that the certificate has to be for. */
  readonly host: string;
  readonly url: string;
  /** Where the CA stands; undefined when the authorities built into Node are trusted. */
  readonly caName: string | undefined;
  readonly nowMs: number;
}

/** The server's certificate failed verification: `authorizationError` of the socket says why. */
export function verificationFault(peer: TlsPeer, socket: TLSSocket, expected: Verification): Fault {
  const { host, url, caName, nowMs } = expected;
  const problem = String(socket.authorizationError);
  const chain = certificateChain(socket);
  const leaf = chain[0];
  const certificateName = `${peer.name}'s certificate`;
  if (problem === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (leaf?.subjectAltName ?? 'no name at all').replaceAll(/IP Address:|DNS:/g, '');
    const what = `${certificateName} is not for ${host}`;
    return new Fault(`${peer.faults}.tls.name`, { what, where: url, why: `it is for ${names}` });
  }
  if (problem === 'CERT_HAS_EXPIRED' || problem === 'CERT_NOT_YET_VALID') {
    for (const certificate of chain) {
      const name = certificate === leaf ? certificateName : `a CA certificate in ${peer.name}'s chain`;
      const fault = expiryFault(peer, name, certificate, nowMs, url);
      if (fault !== undefined) return fault;
    }
    const what = 'the CA certificate is expired or not yet valid';
    return new Fault(`${peer.faults}.tls.expired`, { what, where: url });
  }
  const [subject, issuer] =
    leaf === undefined ? ['', ''] : [leaf.subject, leaf.issuer].map((name) => ` ${commonName(name)}`);
  return new Fault(`${peer.faults}.tls.untrusted`, {
    what: `${certificateName}${subject} is not signed by a trusted CA`,
    where: url,
    why: `it is signed by${issuer}, which ${caName ?? 'the list of authorities built into Node'} does not hold (${problem})`,
  });
}

function certificateChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let at = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(new X509Certificate(at.raw));
    if (at.issuerCertificate === undefined || at.issuerCertificate === at) break;
    at = at.issuerCertificate;
  }
  return chain;
}
