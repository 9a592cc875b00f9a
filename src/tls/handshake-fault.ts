/** Translates what ends a TLS handshake into Faults: OpenSSL's codes, or the end of the connection. */
import { Fault } from '#runtime/fault.ts';
import type { TlsPeer } from './peer.ts';

/** A TLS alert or a protocol error from the other side, by OpenSSL's code; undefined when it is none. */
export function alertFault(
  { faults, name }: TlsPeer,
  error: unknown,
  url: string,
  hasClientCertificate: boolean,
): Fault | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('ERR_SSL') && code !== 'EPROTO') return undefined;
  const detail = { where: url, cause: error };
  if (/CERTIFICATE_REQUIRED/.test(code) || (!hasClientCertificate && /BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code))) {
    const why = hasClientCertificate ? code : 'none is given';
    return new Fault(`${faults}.tls.client`, { ...detail, what: `${name} wants a client certificate`, why });
  }
  if (/ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|UNKNOWN_CA/.test(code)) {
    const why = refusalReason(code, name);
    return new Fault(`${faults}.tls.client`, { ...detail, what: `${name} refuses the client certificate`, why });
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD/.test(code)) {
    return new Fault(`${faults}.tls.handshake`, {
      ...detail,
      what: `${name} does not speak TLS`,
      why: 'it is most likely a plain http:// endpoint',
      remedy: plainRemedy(url, name),
    });
  }
  return new Fault(`${faults}.tls.handshake`, { ...detail, what: 'the TLS handshake failed', why: code });
}

/** What a plain server does to a TLS client, and what one does that is just going down. */
export function endedHandshake({ faults, name }: TlsPeer, url: string, error: Error | undefined): Fault {
  return new Fault(`${faults}.tls.handshake`, {
    what: `${name} ended the connection during the TLS handshake`,
    where: url,
    why: 'most likely it is a plain http:// endpoint, or it is stopping',
    remedy: plainRemedy(url, name),
    cause: error,
  });
}

function plainRemedy(url: string, name: string): string {
  return `try ${url.replace('https:', 'http:')}, or give ${name} a certificate`;
}

function refusalReason(code: string, name: string): string {
  if (code.includes('UNKNOWN_CA')) return `its CA is not the one that ${name} trusts`;
  if (code.includes('EXPIRED')) return `${name} takes it for expired: compare the clocks`;
  if (code.includes('REVOKED')) return 'it is revoked';
  if (code.includes('BAD_CERTIFICATE')) return `it is not signed by the CA that ${name} trusts, or not for client use`;
  return code;
}
