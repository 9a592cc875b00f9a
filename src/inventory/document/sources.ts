/** Where the programs come from that are not weft. */
import { list } from '#inventory/shape/collections.ts';
import { object, variants } from '#inventory/shape/object.ts';
import { text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { localPath } from './words.ts';

const packageName = text({
  expected: 'the name of a package, with a version if need be: etcd-server=3.4.23-4',
  pattern: /^[a-z0-9][A-Za-z0-9+._-]*(?:=[A-Za-z0-9.+~:-]+)?$/,
  sample: 'etcd-server',
  longest: 255,
});
const sha256 = text({
  expected: 'the SHA-256 of the file: 64 hexadecimal digits',
  pattern: /^[0-9a-f]{64}$/,
  sample: 'a'.repeat(64),
});
const url = text({
  expected: 'an https:// or http:// address without user and password',
  pattern: /^https?:\/\/[A-Za-z0-9.:[\]-]+\/[A-Za-z0-9._~:/?#[\]!$&'()*+,;=%-]*$/,
  sample: 'https://example.org/etcd.tar.gz',
  longest: 2048,
});
const member = text({
  expected: 'the path of a file inside the archive',
  pattern: /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[A-Za-z0-9._/+-]+$/,
  sample: 'etcd/etcd',
  longest: 255,
});

export type Source =
  /** The host's own package manager. */
  | { readonly from: 'package'; readonly packages: readonly string[] | undefined }
  /** The bundle of `sources.bundle`. */
  | { readonly from: 'bundle' }
  /** A file on this machine. */
  | { readonly from: 'file'; readonly path: string; readonly sha256: string | undefined; readonly members: Members }
  | { readonly from: 'url'; readonly url: string; readonly sha256: string; readonly members: Members };

/** Files to take out of an archive; empty: the file is the program itself. */
type Members = readonly string[];

const members = list(member, { most: 64, unique: true });
const MEMBERS = 'files to take out of the archive; absent: the file is the program';

const source = variants<Source>('from', 'where it comes from', [
  [
    'package',
    (fields) => ({
      from: 'package',
      packages: fields.optional(
        'packages',
        "packages by name; absent: the distribution's own",
        list(packageName, { least: 1, most: 16, unique: true }),
      ),
    }),
  ],
  ['bundle', () => ({ from: 'bundle' })],
  [
    'file',
    (fields) => ({
      from: 'file',
      path: fields.required('path', 'program or archive on this machine', localPath),
      sha256: fields.optional('sha256', 'what the file must have', sha256),
      members: fields.fallback('members', MEMBERS, members, []),
    }),
  ],
  [
    'url',
    (fields) => ({
      from: 'url',
      url: fields.required('url', 'program or archive, got once by this machine', url),
      sha256: fields.required('sha256', 'what the file must have; nothing else is installed', sha256),
      members: fields.fallback('members', MEMBERS, members, []),
    }),
  ],
]);

const PACKAGE = { from: 'package' };

export const sources = object((fields) => ({
  bundle: fields.optional('bundle', 'file that `weft bundle` made, for hosts without a network', localPath),
  etcd: fields.fallback('etcd', 'etcd and etcdctl', source, PACKAGE),
  kubectl: fields.fallback('kubectl', 'kubectl', source, PACKAGE),
  docker: fields.fallback('docker', 'docker', source, PACKAGE),
  cniPlugins: fields.fallback('cniPlugins', 'bridge, host-local, portmap, loopback', source, PACKAGE),
  nginx: fields.fallback('nginx', 'nginx with the stream module', source, PACKAGE),
  keepalived: fields.fallback('keepalived', 'keepalived', source, PACKAGE),
}));

export type SourcesSection = ValueOf<typeof sources>;
