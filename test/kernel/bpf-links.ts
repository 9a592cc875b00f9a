/** BPF programs at a device as another program sees them, by bpf(2)'s own query: what `bpftool net` and `bpftool link` do. */
import { execFileSync } from 'node:child_process';
import { namespacePath } from '#hosts/namespace.ts';
import { loadNative } from '#netlink/native.ts';

/** Of linux/bpf.h. */
const BPF = { query: 16, linkById: 30, linkDetach: 34 } as const;
const MOST_LINKS = 8;
const TCX_INGRESS = 46;

/** Ids of the links at the ingress of a device, by bpf(2)'s own query. */
export function linksAt(namespace: string, device: string): readonly number[] {
  const index = Number.parseInt(
    execFileSync('ip', ['-n', namespace, '-o', 'link', 'show', 'dev', device], { encoding: 'utf8' }),
    10,
  );
  const attributes = bpfAttributes([
    [0, index],
    [4, TCX_INGRESS],
    [24, MOST_LINKS],
  ]);
  const [programs, links] = [Buffer.alloc(4 * MOST_LINKS), Buffer.alloc(4 * MOST_LINKS)];
  loadNative().inNamespace(namespacePath(namespace), () =>
    loadNative().bpf(BPF.query, attributes, [16, 40], [programs, links]),
  );
  return Array.from({ length: attributes.readUInt32LE(24) }, (_, at) => links.readUInt32LE(4 * at));
}

/** What `bpftool link detach` does. */
export function detachLink(id: number): void {
  const link = loadNative().bpf(BPF.linkById, bpfAttributes([[0, id]]), [], []);
  loadNative().bpf(BPF.linkDetach, bpfAttributes([[0, link]]), [], []);
  loadNative().close(link);
}

function bpfAttributes(fields: readonly (readonly [offset: number, value: number])[]): Buffer {
  const attributes = Buffer.alloc(128);
  for (const [offset, value] of fields) attributes.writeUInt32LE(value, offset);
  return attributes;
}
