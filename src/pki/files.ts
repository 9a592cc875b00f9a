/** Certificates and keys on disk: certificates 0644, keys 0600 from the moment they exist. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyedCertificate } from './authority.ts';

/** Where a certificate and its key lie. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Writes `<name>.pem` and `<name>-key.pem` into the directory, replacing older ones whole. */
export async function writeCertificate(
  directory: string,
  name: string,
  keyed: KeyedCertificate,
): Promise<CertificateFiles> {
  const files = { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}-key.pem`) };
  await replaceFile(files.keyFile, keyed.key, 0o600);
  await replaceFile(files.certFile, keyed.certificate, 0o644);
  return files;
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  await writeFile(fresh, text, { mode, flag: 'wx' });
  await rename(fresh, path);
}
