/**
 * The CA, certificate and key files that an etcd connection is given: read anew for each connection, since they are
 * renewed while the agent runs, and checked here so that a Fault can name the file.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Fault } from '#runtime/fault.ts';
import type { EtcdOptions } from './api.ts';
import { expiryFault } from './tls-faults.ts';

export type TlsFiles = Pick<EtcdOptions, 'caFile' | 'certFile' | 'keyFile'>;

/** Reads and checks the files. Without a CA file the authorities built into Node are trusted. */
export function loadTlsFiles(files: TlsFiles, nowMs: number): SecureContext {
  const ca = files.caFile === undefined ? undefined : readPem('CA file', files.caFile, 'CERTIFICATE');
  const cert = files.certFile === undefined ? undefined : readPem('certificate file', files.certFile, 'CERTIFICATE');
  const key = files.keyFile === undefined ? undefined : readPem('key file', files.keyFile, 'PRIVATE KEY');
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['key', 'certificate'] : ['certificate', 'key'];
    throw new Fault('etcd.tls.file', { what: `a ${given} file is given, but no ${missing} file` });
  }
  if (ca !== undefined) parseCertificate('CA file', files.caFile, ca);
  if (cert !== undefined) {
    const own = parseCertificate('certificate file', files.certFile, cert);
    const expired = expiryFault('the client certificate', own, nowMs, files.certFile);
    if (expired !== undefined) throw expired;
  }
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  } catch (error) {
    throw contextFault(error, files);
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no right to read it',
  EISDIR: 'it is a directory',
};

function readPem(field: string, path: string, label: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = UNREADABLE[String(code)] ?? String(code);
    throw new Fault('etcd.tls.file', { what: `the ${field} cannot be read`, where: path, why, cause: error });
  }
  if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${label}-----`).test(text)) {
    const article = label === 'CERTIFICATE' ? 'a certificate' : 'a private key';
    const why = text.trim() === '' ? 'it is empty' : 'it has no such PEM block';
    throw new Fault('etcd.tls.file', { what: `the ${field} does not hold ${article} in PEM form`, where: path, why });
  }
  if (text.includes('ENCRYPTED')) {
    throw new Fault('etcd.tls.file', {
      what: `the ${field} is encrypted with a passphrase`,
      where: path,
      remedy: 'give a key without a passphrase, protected by its file mode',
    });
  }
  return text;
}

function parseCertificate(field: string, path: string | undefined, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Fault('etcd.tls.file', {
      what: `the ${field} does not hold a readable certificate`,
      ...(path === undefined ? {} : { where: path }),
      cause: error,
    });
  }
}

function contextFault(error: unknown, files: TlsFiles): Fault {
  const text = error instanceof Error ? error.message : String(error);
  const where = [files.certFile, files.keyFile].filter((path) => path !== undefined).join(', ');
  if (/key values mismatch|key type mismatch/i.test(text)) {
    return new Fault('etcd.tls.file', { what: 'the key does not belong to the certificate', where, cause: error });
  }
  return new Fault('etcd.tls.file', { what: 'the certificate or key cannot be used', where, why: text, cause: error });
}
