/** What lies in a directory under one name. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFile, keyFile, requestFile } from './pair-files.ts';
import { readTextFile } from './text-file.ts';

export type StoredPair =
  | { readonly state: 'absent'; readonly files: readonly string[] }
  /** `reason` says what is wrong with what is there. */
  | { readonly state: 'unusable'; readonly reason: string; readonly files: readonly string[] }
  | {
      readonly state: 'pair';
      /** The one that belongs to the key. */
      readonly certificate: X509Certificate;
      readonly key: KeyObject;
      readonly keyPem: string;
      readonly files: readonly string[];
    };

/** Reads `<name>.pem` and `<name>-key.pem`; `files` are those that exist, the request too. Throws Fault `certs.file`. */
export function readPair(directory: string, name: string): StoredPair {
  const names = [certificateFile(name), keyFile(name), requestFile(name)];
  const files = names.filter((file) => existsSync(join(directory, file)));
  const certText = readTextFile(join(directory, certificateFile(name)));
  const keyPem = readTextFile(join(directory, keyFile(name)));
  if (certText === undefined && keyPem === undefined) return { state: 'absent', files };
  const unusable = (reason: string): StoredPair => ({ state: 'unusable', reason, files });
  if (certText === undefined) return unusable(`there is ${keyFile(name)}, but no ${certificateFile(name)}`);
  if (keyPem === undefined) return unusable(`there is ${certificateFile(name)}, but no ${keyFile(name)}`);
  const certificates = readCertificates(certText);
  if (certificates.length === 0) return unusable(`${certificateFile(name)} holds no certificate in PEM form`);
  const key = readPrivateKey(keyPem);
  if (key === undefined) return unusable(`${keyFile(name)} holds no private key in PEM form without a passphrase`);
  const certificate = certificates.find((candidate) => candidate.checkPrivateKey(key));
  if (certificate === undefined) return unusable(`${keyFile(name)} does not belong to ${certificateFile(name)}`);
  return { state: 'pair', certificate, key, keyPem, files };
}

/** All certificates of a text in their order; what cannot be read is left out. */
export function readCertificates(text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

export function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
