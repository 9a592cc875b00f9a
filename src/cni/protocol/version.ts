/** Versions of the CNI specification: which there are, which came first, and the answer to VERSION. */
import { CNI_CODES, CniError } from './error.ts';

/** All that our plugins speak, ascending. */
export const CNI_VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof CNI_VERSIONS)[number];

export const LATEST_VERSION: CniVersion = '1.1.0';

/** The version as one of ours; undefined when it is none. A configuration without a version is of 0.1.0. */
export function asCniVersion(text: string): CniVersion | undefined {
  return text === '' ? '0.1.0' : CNI_VERSIONS.find((version) => version === text);
}

/** Throws CniError 1 for a version that is none of ours, in the words of Go's plugins. */
export function requireVersion(text: string): CniVersion {
  const version = asCniVersion(text);
  if (version !== undefined) return version;
  const details = `config is ${JSON.stringify(text)}, plugin supports [${CNI_VERSIONS.map((v) => `"${v}"`).join(' ')}]`;
  throw new CniError(CNI_CODES.incompatibleVersion, 'incompatible CNI versions', details);
}

export function isAtLeast(version: CniVersion, least: CniVersion): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(least);
}

/** What a plugin prints for VERSION. */
export function versionAnswer(): string {
  return `${JSON.stringify({ cniVersion: LATEST_VERSION, supportedVersions: CNI_VERSIONS })}\n`;
}

/** The versions that a plugin has named in its answer to VERSION; undefined when that is no such answer. */
export function parseVersionAnswer(text: string): readonly string[] | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null || !('supportedVersions' in answer)) return undefined;
    const { supportedVersions } = answer;
    return Array.isArray(supportedVersions) ? supportedVersions.filter((item) => typeof item === 'string') : undefined;
  } catch {
    return undefined;
  }
}
