/** Directories for tests of `weft certs`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { initAuthority } from './init.ts';

const KEY = '"key":{"algo":"ecdsa","size":256}';

/** The guides' inputs, shortened, with quick keys; profile `client` lasts 30 days. */
export const GUIDE_INPUTS = {
  'ca-config.json': JSON.stringify({
    signing: {
      default: { expiry: '87600h' },
      profiles: {
        kubernetes: { usages: ['signing', 'key encipherment', 'server auth', 'client auth'], expiry: '87600h' },
        client: { usages: ['client auth'], expiry: '720h' },
      },
    },
  }),
  'ca-csr.json': `{"CN":"kubernetes",${KEY},"names":[{"C":"CN","O":"k8s"}]}`,
  'admin-csr.json': `{"CN":"admin","hosts":[],${KEY},"names":[{"O":"system:masters"}]}`,
  'etcd-csr.json': `{"CN":"etcd","hosts":["127.0.0.1","10.0.0.1"],${KEY},"names":[{"C":"CN","O":"k8s"}]}`,
} as const;

/** An empty directory that goes with the test. */
export function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-certs-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** One with the guides' inputs and an authority. */
export async function guideDirectory(t: TestContext, nowMs: number): Promise<string> {
  const directory = scratch(t);
  for (const [file, content] of Object.entries(GUIDE_INPUTS)) writeFileSync(join(directory, file), content);
  await initAuthority(directory, {}, nowMs);
  return directory;
}

export function text(directory: string, file: string): string {
  return readFileSync(join(directory, file), 'utf8');
}
