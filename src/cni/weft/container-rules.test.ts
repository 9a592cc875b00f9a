import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '#model/ip.ts';
import { type ContainerRules, hasRules, removalText, rulesText } from './container-rules.ts';

const CONTAINER: ContainerRules = {
  network: 't1',
  containerId: 'c1',
  address: parseCidr('10.5.1.3/24') ?? { address: 0, length: 0 },
  masquerade: true,
  portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIp: undefined }],
};
const CHAINS = ['CNI-87402a8d3893a3f03d2a7566', 'CNI-DN-87402a8d3893a3f03d2a7'];

/** What iptables-save prints after this document. */
function saved(text: string): string {
  return text.replaceAll(/^(\*nat|COMMIT)\n/gm, '');
}

test('nothing is to be done for a container without mappings that is not masqueraded', () => {
  assert.equal(rulesText({ ...CONTAINER, masquerade: false, portMappings: [] }, ''), undefined);
});

test('chains are named as portmap and bridge name them, and shared rules are added once', () => {
  const first = rulesText(CONTAINER, '') ?? '';
  for (const chain of CHAINS) assert(first.includes(`:${chain} - [0:0]`), first);
  assert.equal(first.match(/-A PREROUTING/g)?.length, 1);
  const second = rulesText({ ...CONTAINER, containerId: 'c2' }, saved(first)) ?? '';
  assert.doesNotMatch(second, /PREROUTING|:CNI-HOSTPORT|-A CNI-HOSTPORT-SETMARK/);
  assert(hasRules(CONTAINER, saved(first)));
  assert(!hasRules({ ...CONTAINER, containerId: 'c2' }, saved(first)));
});

test('what a container had before goes in the same transaction', () => {
  const before = saved(rulesText(CONTAINER, '') ?? '');
  const again = rulesText(CONTAINER, before) ?? '';
  assert(again.indexOf(`-X ${CHAINS[1]}`) < again.indexOf(`:${CHAINS[1]} - [0:0]`), again);
  assert.match(again, /-D CNI-HOSTPORT-DNAT .* -j CNI-DN-87402a8d3893a3f03d2a7/);
});

test('removal takes what leads to the chains, then the chains, and nothing of others', () => {
  const both = saved(rulesText(CONTAINER, '') ?? '') + saved(rulesText({ ...CONTAINER, containerId: 'c2' }, '') ?? '');
  const text = removalText(CONTAINER, both) ?? '';
  const lines = text.split('\n');
  assert.deepEqual(
    lines.filter((line) => line.startsWith('-X')),
    CHAINS.map((chain) => `-X ${chain}`),
  );
  assert(
    lines.filter((line) => line.startsWith('-D')).every((line) => CHAINS.some((chain) => line.endsWith(chain))),
    text,
  );
  assert.equal(removalText({ network: 't1', containerId: 'c3' }, both), undefined);
});

test('IPv6 has brackets and no rule for 127.0.0.1, and mappings of another family stay out of its chain', () => {
  const address = parseCidr('fd00:5::3/64') ?? { address: 0, length: 0 };
  const portMappings = [
    ...CONTAINER.portMappings,
    { hostPort: 53, containerPort: 53, protocol: 'udp' as const, hostIp: 0x0a090909 },
  ];
  const text = rulesText({ ...CONTAINER, address, portMappings }, '') ?? '';
  assert.match(text, /--to-destination \[fd00:5::3\]:80/);
  assert.doesNotMatch(text, /127\.0\.0\.1|10\.9\.9\.9|--dport 53 /);
});

test('more ports than one rule can have are in several', () => {
  const portMappings = Array.from({ length: 20 }, (_, index) => ({
    hostPort: 1000 + index,
    containerPort: 80,
    protocol: 'tcp' as const,
    hostIp: undefined,
  }));
  const text = rulesText({ ...CONTAINER, portMappings }, '') ?? '';
  assert.deepEqual(
    text.match(/--dports \S+/g)?.map((ports) => ports.split(',').length),
    [15, 5],
  );
});
