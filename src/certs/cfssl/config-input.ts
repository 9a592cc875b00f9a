/** `ca-config.json`: the profiles by which certificates are signed. */

import type { Profile } from '#certs/request.ts';
import { isUsage, USAGES, type Usage } from '#pki/usages.ts';
import { readExpiry } from './csr-input.ts';
import { parseDuration } from './duration.ts';
import { type Field, type InputProblem, JsonInput, suggestion } from './json-input.ts';

export interface SigningConfig {
  /** What is taken when there are no profiles, or by the name `default`. */
  readonly standard?: Profile;
  readonly profiles: ReadonlyMap<string, Profile>;
}

const REMOTE = 'signing by a remote cfssl is not done here: leave it out, or sign with cfssl';
const NOT_MADE = 'cfssl knows this, weft does not make it: leave it out, or sign with cfssl';
const REFUSED = {
  auth_key: REMOTE,
  remote: REMOTE,
  auth_remote: REMOTE,
  ca_constraint: 'authorities below the root are not made here: leave it out, or sign with cfssl',
  issuer_urls: NOT_MADE,
  ocsp_url: NOT_MADE,
  crl_url: NOT_MADE,
  ocsp_no_check: NOT_MADE,
  not_before: NOT_MADE,
  not_after: NOT_MADE,
  name_whitelist: NOT_MADE,
  policies: NOT_MADE,
  cert_store: NOT_MADE,
};

/** Undefined when something is wrong with it, which `problems` then tells. */
export function readConfigInput(file: string, text: string, problems: InputProblem[]): SigningConfig | undefined {
  const before = problems.length;
  const input = new JsonInput(file, text, problems);
  if (input.root === undefined) return undefined;
  const signing = input.members(input.root, ['signing'], { auth_keys: REMOTE, remotes: REMOTE }).get('signing');
  if (signing === undefined) {
    if (problems.length === before) input.problem(input.root, 'signing is missing');
    return undefined;
  }
  const members = input.members(signing, ['default', 'profiles']);
  const [standardField, profilesField] = [members.get('default'), members.get('profiles')];
  const standard = standardField && readProfile(input, standardField, false);
  const profiles = new Map<string, Profile>();
  for (const [name, field] of profilesField === undefined ? [] : input.entries(profilesField)) {
    const profile = readProfile(input, field, true);
    if (profile !== undefined) profiles.set(name, profile);
  }
  if (problems.length > before) return undefined;
  return { profiles, ...(standard !== undefined && { standard }) };
}

function readProfile(input: JsonInput, field: Field, needsUsages: boolean): Profile | undefined {
  const members = input.members(field, ['usages', 'expiry', 'backdate'], REFUSED);
  const [usages, expiry, backdate] = [members.get('usages'), members.get('expiry'), members.get('backdate')];
  if (expiry === undefined) return input.problem(field, 'expiry is missing, such as "87600h"');
  const lifeMs = readExpiry(input, expiry);
  const entries = usages === undefined ? [] : input.list(usages);
  const words = entries.flatMap((entry) => readUsage(input, entry) ?? []);
  if (needsUsages && entries.length === 0) {
    return input.problem(usages ?? field, 'usages are missing, such as "server auth"');
  }
  const backdateMs = backdate && readBackdate(input, backdate);
  if (lifeMs === undefined) return undefined;
  return { usages: words, lifeMs, ...(backdateMs !== undefined && { backdateMs }) };
}

function readUsage(input: JsonInput, field: Field): Usage | undefined {
  const word = input.string(field);
  if (word === undefined || isUsage(word)) return word;
  return input.problem(field, `${JSON.stringify(word)} is no usage${suggestion(word, USAGES)}`);
}

function readBackdate(input: JsonInput, field: Field): number | undefined {
  const text = input.string(field);
  if (text === undefined) return undefined;
  return parseDuration(text) ?? input.problem(field, `${JSON.stringify(text)} is no length of time, such as 5m`);
}
