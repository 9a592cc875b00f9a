/** The certificates of a lab's etcd cluster: one CA, one certificate per member for clients and peers, one client certificate. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from '#pki/authority.ts';
import type { CertificateFiles } from '#pki/files.ts';
import type { EtcdMemberOptions } from './etcd-member.ts';

/** What a client needs: pass it to `connectEtcd` as it is. */
export interface ClusterTls extends CertificateFiles {
  readonly caFile: string;
}

/** Writes all certificates into the directory. The CA's key stays in memory: give an authority to use it again. */
export async function writeClusterTls(
  directory: string,
  members: readonly EtcdMemberOptions[],
  given: Authority | undefined,
): Promise<ClusterTls> {
  // Loaded when certificates are made, not before: it takes 200 ms.
  const { createAuthority } = await import('#pki/authority.ts');
  const { writeCertificate } = await import('#pki/files.ts');
  const authority = given ?? (await createAuthority({ commonName: 'weft lab etcd CA' }));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'ca.pem'), authority.certificate);
  const [client] = await Promise.all([
    authority.issue({ commonName: 'weft-client', hosts: [], usages: ['client'] }),
    ...members.map(async (member) => {
      const hosts = [...new Set([member.name, 'localhost', member.address, '127.0.0.1'])];
      const keyed = await authority.issue({ commonName: member.name, hosts, usages: ['server', 'client'] });
      return writeCertificate(directory, member.name, keyed);
    }),
  ]);
  return { caFile: join(directory, 'ca.pem'), ...(await writeCertificate(directory, 'client', client)) };
}
