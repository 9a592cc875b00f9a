/** The CA, certificate and key of a connection: read anew for each, since they are renewed while the agent runs. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Fault } from '#runtime/fault.ts';
import type { KubeTls, PemSource } from './access.ts';
import { codeOf } from './faults.ts';
import { expiryFault } from './tls-faults.ts';

/** Throws a Fault `kube.tls.file` or `kube.tls.expired` that names the file or field. */
export function loadSecureContext({ ca, certificate, key }: KubeTls, nowMs: number): SecureContext {
  const caText = ca && read('CA', ca, 'CERTIFICATE');
  const certText = certificate && read('client certificate', certificate, 'CERTIFICATE');
  const keyText = key && read('client key', key, 'PRIVATE KEY');
  if (ca !== undefined && caText !== undefined) parse('CA', ca, caText);
  if (certificate !== undefined && certText !== undefined) {
    const parsed = parse('client certificate', certificate, certText);
    const expired = expiryFault('the client certificate', parsed, nowMs, sourceName(certificate));
    if (expired !== undefined) throw expired;
  }
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(caText === undefined ? {} : { ca: caText }),
      ...(certText === undefined || keyText === undefined ? {} : { cert: certText, key: keyText }),
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    const mismatch = /key values mismatch|key type mismatch/i.test(text);
    throw new Fault('kube.tls.file', {
      what: mismatch
        ? 'the client key does not belong to the client certificate'
        : 'the client certificate cannot be used',
      where: [certificate, key].flatMap((source) => (source === undefined ? [] : [sourceName(source)])).join(', '),
      cause: error,
      ...(mismatch ? {} : { why: text }),
    });
  }
}

/** Where the PEM text stands. */
export function sourceName(source: PemSource): string {
  return 'path' in source ? source.path : source.from;
}

function read(name: string, source: PemSource, label: string): string {
  const pem = 'path' in source ? readSource(name, source.path) : source.pem;
  if (new RegExp(`-----BEGIN [A-Z0-9 ]*${label}-----`).test(pem)) return pem;
  const why = pem.trim() === '' ? 'it is empty' : `it has no PEM block of a ${label.toLowerCase()}`;
  throw new Fault('kube.tls.file', { what: `the ${name} cannot be used`, where: sourceName(source), why });
}

function readSource(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    const why = code === 'ENOENT' ? 'no such file' : code;
    throw new Fault('kube.tls.file', { what: `the ${name} cannot be read`, where: path, why, cause: error });
  }
}

function parse(name: string, source: PemSource, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const what = `the ${name} does not hold a readable certificate`;
    throw new Fault('kube.tls.file', { what, where: sourceName(source), cause: error });
  }
}
