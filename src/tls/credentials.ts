/**
 * The CA, certificate and key of a connection: read anew for each, since they are renewed while the agent runs, and
 * checked here so that a Fault can name the file or field.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Fault } from '#runtime/fault.ts';
import { expiryFault } from './certificate.ts';
import type { TlsPeer } from './peer.ts';

/** A PEM text, or the file that it is read from anew for each connection. */
export type PemSource =
  | { readonly path: string }
  /** `from` says where the text stands, for messages. */
  | { readonly pem: string; readonly from: string };

export interface Credentials {
  /** Absent: the authorities built into Node are trusted. */
  readonly ca?: PemSource;
  readonly certificate?: PemSource;
  readonly key?: PemSource;
}

/** Where the PEM text stands. */
export function sourceName(source: PemSource): string {
  return 'path' in source ? source.path : source.from;
}

/** Throws a Fault `….tls.file` or `….tls.expired` that names the file or field. */
export function loadCredentials(peer: TlsPeer, { ca, certificate, key }: Credentials, nowMs: number): SecureContext {
  const caText = ca && read(peer, 'CA', ca, 'CERTIFICATE');
  const certText = certificate && read(peer, 'client certificate', certificate, 'CERTIFICATE');
  const keyText = key && read(peer, 'client key', key, 'PRIVATE KEY');
  if ((certificate === undefined) !== (key === undefined)) {
    const [given, missing] = certificate === undefined ? ['key', 'certificate'] : ['certificate', 'key'];
    throw new Fault(`${peer.faults}.tls.file`, { what: `a client ${given} is given, but no client ${missing}` });
  }
  if (ca !== undefined && caText !== undefined) parse(peer, 'CA', ca, caText);
  if (certificate !== undefined && certText !== undefined) {
    const parsed = parse(peer, 'client certificate', certificate, certText);
    const expired = expiryFault(peer, 'the client certificate', parsed, nowMs, sourceName(certificate));
    if (expired !== undefined) throw expired;
  }
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(caText === undefined ? {} : { ca: caText }),
      ...(certText === undefined || keyText === undefined ? {} : { cert: certText, key: keyText }),
    });
  } catch (error) {
    throw contextFault(peer, { certificate, key }, error);
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no right to read it',
  EISDIR: 'it is a directory',
};

function read({ faults }: TlsPeer, name: string, source: PemSource, label: string): string {
  const where = sourceName(source);
  let text: string;
  try {
    text = 'path' in source ? readFileSync(source.path, 'utf8') : source.pem;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const why = UNREADABLE[code] ?? code;
    throw new Fault(`${faults}.tls.file`, { what: `the ${name} cannot be read`, where, why, cause: error });
  }
  if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${label}-----`).test(text)) {
    const article = label === 'CERTIFICATE' ? 'a certificate' : 'a private key';
    const why = text.trim() === '' ? 'it is empty' : 'it has no such PEM block';
    throw new Fault(`${faults}.tls.file`, { what: `the ${name} does not hold ${article} in PEM form`, where, why });
  }
  if (text.includes('ENCRYPTED')) {
    const remedy = 'give a key without a passphrase, protected by its file mode';
    throw new Fault(`${faults}.tls.file`, { what: `the ${name} is encrypted with a passphrase`, where, remedy });
  }
  return text;
}

function parse({ faults }: TlsPeer, name: string, source: PemSource, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const what = `the ${name} does not hold a readable certificate`;
    throw new Fault(`${faults}.tls.file`, { what, where: sourceName(source), cause: error });
  }
}

function contextFault(
  { faults }: TlsPeer,
  sources: { readonly certificate: PemSource | undefined; readonly key: PemSource | undefined },
  error: unknown,
): Fault {
  const text = error instanceof Error ? error.message : String(error);
  const given = [sources.certificate, sources.key].filter((source) => source !== undefined);
  const detail = { where: given.map(sourceName).join(', '), cause: error };
  if (/key values mismatch|key type mismatch/i.test(text)) {
    const what = 'the client key does not belong to the client certificate';
    return new Fault(`${faults}.tls.file`, { ...detail, what });
  }
  const what = 'the client certificate or key cannot be used';
  return new Fault(`${faults}.tls.file`, { ...detail, what, why: text });
}
