/** What a leaf is to be: its `*-csr.json` and profile where there are such, else what its name stands for, and flags. Pure. */
import type { KeyType } from '#pki/key-pair.ts';
import { Fault } from '#runtime/fault.ts';
import type { SigningConfig } from './cfssl/config-input.ts';
import { hostProblem } from './cfssl/host-problem.ts';
import { suggestion } from './cfssl/json-input.ts';
import type { Inputs } from './inputs.ts';
import { type CertificateRequest, type LeafRequest, type Profile, TEN_YEARS_MS } from './request.ts';

/** What flags say; each wins over the inputs. */
export interface LeafFlags {
  readonly hosts?: readonly string[];
  readonly profile?: string;
  readonly keyType?: KeyType;
}

/** What the certificate that is there has; it stays so where neither an input nor a flag says otherwise. */
export interface Present {
  readonly hosts: readonly string[];
  readonly keyType?: KeyType;
}

/** The certificates that a fleet has, when no input names others. */
export const STANDARD_NAMES = ['admin', 'etcd', 'flanneld', 'weft'] as const;

const BOTH: Profile = { usages: ['signing', 'key encipherment', 'server auth', 'client auth'], lifeMs: TEN_YEARS_MS };
/** The guides' profile by the guides' name, and narrower ones. */
const BUILT_IN: ReadonlyMap<string, Profile> = new Map([
  ['kubernetes', BOTH],
  ['peer', BOTH],
  ['server', { ...BOTH, usages: ['signing', 'key encipherment', 'server auth'] as const }],
  ['client', { ...BOTH, usages: ['signing', 'key encipherment', 'client auth'] as const }],
]);
const LOCAL_HOSTS = ['127.0.0.1', 'localhost'];

/** Throws Fault `certs.profile`, `certs.hosts` or `usage.flag`. */
export function leafRequest(name: string, inputs: Inputs, flags: LeafFlags, before: Present | undefined): LeafRequest {
  checkHosts(flags.hosts ?? []);
  const written = inputs.requests.get(name);
  const { subject, ...input } = written ?? standardRequest(name, flags, before);
  const profileName = flags.profile ?? (inputs.config === undefined ? standardProfile(name, input.hosts) : undefined);
  return {
    name,
    subject,
    hosts: flags.hosts !== undefined && written !== undefined ? flags.hosts : input.hosts,
    // cfssl's own choice for an input without a key.
    keyType: flags.keyType ?? input.keyType ?? (written === undefined ? (before?.keyType ?? 'rsa2048') : 'p256'),
    profile: chooseProfile(inputs.config, profileName),
  };
}

function standardRequest(name: string, flags: LeafFlags, before: Present | undefined): CertificateRequest {
  const names = name === 'admin' ? [{ O: 'system:masters' }] : [];
  const subject = { commonName: name, names };
  if (name !== 'etcd') return { subject, hosts: flags.hosts ?? before?.hosts ?? [] };
  const hosts = flags.hosts ?? before?.hosts ?? [];
  if (hosts.length === 0) {
    throw new Fault('certs.hosts', {
      what: 'the certificate of etcd needs the names or addresses of its members',
      why: 'etcd serves TLS, and nobody accepts a server whose certificate does not name it',
      remedy: 'give --hosts 10.0.0.1,10.0.0.2,10.0.0.3, or an etcd-csr.json with hosts',
    });
  }
  return { subject, hosts: [...new Set([...LOCAL_HOSTS, ...hosts])] };
}

function standardProfile(name: string, hosts: readonly string[]): string {
  return name === 'etcd' ? 'peer' : hosts.length > 0 ? 'kubernetes' : 'client';
}

/** Without a name: the only profile, the guides' one, or the default, in this order. */
function chooseProfile(config: SigningConfig | undefined, name: string | undefined): Profile {
  const profiles = config?.profiles ?? BUILT_IN;
  const wanted =
    name ?? (profiles.size === 1 ? [...profiles.keys()][0] : profiles.has('kubernetes') ? 'kubernetes' : 'default');
  const profile = profiles.get(wanted ?? '') ?? (wanted === 'default' ? config?.standard : undefined);
  if (profile !== undefined && profile.usages.length > 0) return profile;
  const known = [...profiles.keys()];
  const list = known.length === 0 ? 'there is none' : `there are: ${known.join(', ')}`;
  throw new Fault('certs.profile', {
    what:
      profile === undefined
        ? `there is no profile ${JSON.stringify(wanted)}${suggestion(wanted ?? '', known)}`
        : `the profile ${JSON.stringify(wanted)} has no usages, so nothing could be done with the certificate`,
    where: config === undefined ? 'the built-in profiles' : 'ca-config.json',
    why: list,
  });
}

function checkHosts(hosts: readonly string[]): void {
  for (const host of hosts) {
    const problem = hostProblem(host);
    if (problem !== undefined) throw new Fault('usage.flag', { what: `--hosts: ${problem}` });
  }
}
