/** What certificates are to be: values out of cfssl's inputs or flags, nothing made yet. */
import type { KeyType } from '#pki/key-pair.ts';
import type { Subject } from '#pki/subject.ts';
import type { Usage } from '#pki/usages.ts';

/** What a `*-csr.json` says. */
export interface CertificateRequest {
  readonly subject: Subject;
  readonly hosts: readonly string[];
  /** Undefined: the input leaves the choice to us. */
  readonly keyType?: KeyType;
  /** The life of a root (`ca.expiry`). */
  readonly rootLifeMs?: number;
}

/** A way of signing, by its name in ca-config.json. */
export interface Profile {
  readonly usages: readonly Usage[];
  readonly lifeMs: number;
  readonly backdateMs?: number;
}

/** What a leaf is to be. */
export interface LeafRequest {
  readonly name: string;
  readonly subject: Subject;
  readonly hosts: readonly string[];
  readonly keyType: KeyType;
  readonly profile: Profile;
}

/** Ten years of 365 days, the guides' 87600h. */
export const TEN_YEARS_MS = 87_600 * 3_600_000;
