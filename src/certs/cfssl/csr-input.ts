/** `ca-csr.json`, `etcd-csr.json` …: what cfssl's `gencert` takes, with its own rules. */

import type { CertificateRequest } from '#certs/request.ts';
import type { KeyType } from '#pki/key-pair.ts';
import { NAME_PARTS, type NameParts } from '#pki/subject.ts';
import { lifeProblem, parseDuration } from './duration.ts';
import { hostProblem } from './host-problem.ts';
import { type Field, type InputProblem, JsonInput } from './json-input.ts';

const NOT_MADE = 'cfssl knows this, weft does not make it: leave it out, or make this certificate with cfssl';
const KEY_TYPES: Readonly<Record<string, Readonly<Record<number, KeyType>>>> = {
  rsa: { 2048: 'rsa2048', 3072: 'rsa3072', 4096: 'rsa4096' },
  ecdsa: { 256: 'p256', 384: 'p384', 521: 'p521' },
};

/** Undefined when something is wrong with it, which `problems` then tells. */
export function readCsrInput(file: string, text: string, problems: InputProblem[]): CertificateRequest | undefined {
  const before = problems.length;
  const input = new JsonInput(file, text, problems);
  if (input.root === undefined) return undefined;
  const refused = { serialnumber: NOT_MADE, crl: NOT_MADE, delegation_enabled: NOT_MADE, extensions: NOT_MADE };
  const members = input.members(input.root, ['CN', 'hosts', 'key', 'names', 'ca'], refused);
  const [cn, names, key, ca] = [members.get('CN'), members.get('names'), members.get('key'), members.get('ca')];
  const subject = {
    commonName: (cn && input.string(cn)) ?? '',
    names: names === undefined ? [] : input.list(names).map((name) => readNames(input, name)),
  };
  if (
    problems.length === before &&
    subject.commonName === '' &&
    subject.names.every((name) => Object.keys(name).length === 0)
  ) {
    input.problem(cn ?? input.root, 'the certificate has no name: give a CN');
  }
  const hosts = members.get('hosts');
  const keyType = key && readKey(input, key);
  const rootLifeMs = ca && readRoot(input, ca);
  const request = {
    subject,
    hosts: hosts === undefined ? [] : readHosts(input, hosts),
    ...(keyType !== undefined && { keyType }),
    ...(rootLifeMs !== undefined && { rootLifeMs }),
  };
  return problems.length === before ? request : undefined;
}

function readNames(input: JsonInput, field: Field): NameParts {
  const members = input.members(field, NAME_PARTS, { E: NOT_MADE, SerialNumber: NOT_MADE, OID: NOT_MADE });
  const parts: { -readonly [Part in keyof NameParts]: string } = {};
  for (const [part, value] of members) {
    const text = input.string(value);
    if (text === undefined || text === '') continue;
    if (part === 'C' && !/^[A-Za-z]{2}$/.test(text)) {
      input.problem(value, `${JSON.stringify(text)} is no country: two letters, such as CN`);
    }
    parts[part] = text;
  }
  return parts;
}

function readHosts(input: JsonInput, field: Field): readonly string[] {
  return input.list(field).flatMap((entry) => {
    const host = input.string(entry);
    if (host === undefined) return [];
    const problem = hostProblem(host);
    if (problem !== undefined) input.problem(entry, problem);
    return [host];
  });
}

function readKey(input: JsonInput, field: Field): KeyType | undefined {
  const members = input.members(field, ['algo', 'size']);
  const [algo, size] = [members.get('algo'), members.get('size')];
  if (algo === undefined || size === undefined) {
    return input.problem(
      field,
      `${algo === undefined ? 'algo' : 'size'} is missing, as in {"algo": "rsa", "size": 2048}`,
    );
  }
  const name = input.string(algo);
  const length = input.integer(size);
  if (name === undefined || length === undefined) return undefined;
  const sizes = KEY_TYPES[name];
  if (sizes === undefined) return input.problem(algo, `${JSON.stringify(name)} is no kind of key: rsa or ecdsa`);
  const type = sizes[length];
  return type ?? input.problem(size, `${length} is no size of an ${name} key here: ${Object.keys(sizes).join(', ')}`);
}

function readRoot(input: JsonInput, field: Field): number | undefined {
  const members = input.members(field, ['expiry'], {
    pathlen: NOT_MADE,
    pathlenzero: NOT_MADE,
    backdate: NOT_MADE,
  });
  const expiry = members.get('expiry');
  return expiry && readExpiry(input, expiry);
}

/** How long certificates last. */
export function readExpiry(input: JsonInput, field: Field): number | undefined {
  const text = input.string(field);
  if (text === undefined) return undefined;
  const lengthMs = parseDuration(text);
  if (lengthMs === undefined)
    return input.problem(field, `${JSON.stringify(text)} is no length of time, such as 87600h`);
  const problem = lifeProblem(lengthMs);
  return problem === undefined ? lengthMs : input.problem(field, `${JSON.stringify(text)} ${problem}`);
}
