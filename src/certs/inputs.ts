/** The inputs of a directory of certificates: cfssl's files where they are, all of their problems at once. */
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { readConfigInput, type SigningConfig } from './cfssl/config-input.ts';
import { readCsrInput } from './cfssl/csr-input.ts';
import { formatInputProblem, type InputProblem } from './cfssl/json-input.ts';
import type { CertificateRequest } from './request.ts';
import { listFiles, readTextFile } from './store/text-file.ts';

export interface Inputs {
  /** `ca-config.json`, when there is one. */
  readonly config?: SigningConfig;
  /** `<name>-csr.json` by name; the root's is `ca`. */
  readonly requests: ReadonlyMap<string, CertificateRequest>;
}

const CONFIG_FILE = 'ca-config.json';
const REQUEST_FILE = /^([A-Za-z0-9_][A-Za-z0-9_.-]*)-csr\.json$/;

/** Throws Fault `certs.input` with every problem of every file, or `certs.file`. */
export function readInputs(directory: string): Inputs {
  const problems: InputProblem[] = [];
  const requests = new Map<string, CertificateRequest>();
  for (const file of listFiles(directory)) {
    const [, name] = REQUEST_FILE.exec(file) ?? [];
    if (name === undefined) continue;
    const request = readCsrInput(file, readTextFile(join(directory, file)) ?? '', problems);
    if (request !== undefined) requests.set(name, request);
  }
  const text = readTextFile(join(directory, CONFIG_FILE));
  const config = text === undefined ? undefined : readConfigInput(CONFIG_FILE, text, problems);
  if (problems.length > 0) {
    throw new Fault('certs.input', {
      what: problems.length === 1 ? 'an input has a problem' : `the inputs have ${problems.length} problems`,
      where: directory,
      why: problems.toSorted(byPlace).map(formatInputProblem).join('\n          '),
    });
  }
  return { requests, ...(config !== undefined && { config }) };
}

function byPlace(a: InputProblem, b: InputProblem): number {
  const byFile = a.file < b.file ? -1 : Number(a.file > b.file);
  return byFile || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
