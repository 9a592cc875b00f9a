/** The CA and what it signs. */
import { object } from '#inventory/shape/object.ts';
import { choice, integer, text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { localPath, plainName } from './words.ts';

const part = text({
  expected: 'text of at most 64 characters',
  pattern: /^[^\s,=+"\\][^,=+"\\]*$/,
  sample: 'weft',
  longest: 64,
});
const country = text({ expected: 'a country code of two letters', pattern: /^[A-Z]{2}$/, sample: 'CN' });

const subject = object((fields) => ({
  commonName: fields.fallback('commonName', 'CN of the CA', part, 'kubernetes'),
  country: fields.optional('country', 'C', country),
  state: fields.optional('state', 'ST', part),
  locality: fields.optional('locality', 'L', part),
  organization: fields.fallback('organization', 'O of the CA, and of leaves that have none of their own', part, 'weft'),
  unit: fields.optional('unit', 'OU', part),
}));

const organizations = object((fields) => ({
  admin: fields.fallback('admin', 'of the administrator', part, 'system:masters'),
  etcd: fields.optional('etcd', 'of the etcd members; absent: that of the CA', part),
  agent: fields.optional('agent', 'of the agents; absent: that of the CA', part),
}));

const days = integer(1, 36_500, 'days');

export const certificates = object((fields) => ({
  folder: fields.fallback('folder', 'where the CA and its key are, on this machine', localPath, 'pki'),
  keyType: fields.fallback('keyType', 'kind of the keys', choice(['p256', 'rsa2048']), 'p256'),
  caValidityDays: fields.fallback('caValidityDays', 'life of the CA, in days', days, 3650),
  leafValidityDays: fields.fallback('leafValidityDays', 'life of what it signs, in days', days, 365),
  renewBeforeDays: fields.fallback('renewBeforeDays', 'leaves are renewed so long before they expire', days, 30),
  profile: fields.fallback('profile', 'name of the signing profile in ca-config.json', plainName, 'kubernetes'),
  subject: fields.fallback('subject', 'who issues', subject, {}),
  organizations: fields.fallback(
    'organizations',
    'O of the leaves; Kubernetes reads it as the group',
    organizations,
    {},
  ),
}));

export type CertificatesSection = ValueOf<typeof certificates>;
