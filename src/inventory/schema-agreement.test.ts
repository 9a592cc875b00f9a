/** Parser and JSON Schema come from one definition; here they judge the same inventories. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { BACKEND_TYPES as AGENT_BACKENDS } from '#agent/backends/registry.ts';
import { isJsonObject } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { inventorySchema, inventoryShape } from './document/inventory-shape.ts';
import { BACKEND_TYPES } from './document/network.ts';
import type { JsonSchema } from './shape/schema.ts';
import { isValid } from './shape/test-validate.ts';
import { nodeOf } from './source/node.ts';

const examples = ['guide-000', 'guide-003'].map((name): Json => {
  return parse(readFileSync(join(import.meta.dirname, `../../docs/examples/${name}.yaml`), 'utf8'));
});

/** Everything in the schema at once, so that each field is broken some time. */
const full: Json = {
  version: 1,
  ssh: { jump: 'admin@bastion', config: 'ssh_config', connectTimeoutSeconds: 5 },
  hosts: [
    {
      name: 'a',
      address: '10.0.0.1',
      secondAddress: 'fd00::1',
      roles: ['etcd', 'agent'],
      ssh: { name: 'alias', port: 2222 },
      labels: { rack: 'r1' },
      subnet: '172.30.4.0/24',
      paths: { etcdData: '/data' },
    },
  ],
  network: {
    ipv6Cidr: 'fd00:12::/48',
    ipv6SubnetMin: 'fd00:12:0:1::',
    backend: { type: 'wireguard', mode: 'auto', presharedKeyFile: 'psk', keepaliveSeconds: 25 },
    underlay: ['10.0.0.0/24', 'fd00::/64'],
  },
  loadBalancer: { vip: '10.0.0.9', advertIntervalSeconds: 0.5, backends: [{ address: '10.0.0.7', port: 6443 }] },
  sources: {
    etcd: { from: 'url', url: 'https://example.org/e.tar.gz', sha256: 'b'.repeat(64), members: ['e/etcd'] },
    kubectl: { from: 'file', path: './kubectl' },
    docker: { from: 'package', packages: ['docker.io'] },
    nginx: { from: 'bundle' },
  },
  system: {
    packages: false,
    sysctl: { values: { 'vm.swappiness': 10, 'net.ipv4.ip_local_port_range': '1024 65000' } },
  },
};
const corpus: readonly Json[] = [...examples, full];

/** What the parser finds wrong with single values; what they mean together is not the schema's to know. */
function shapeProblems(value: Json): readonly string[] {
  const problems: string[] = [];
  inventoryShape.read(nodeOf(value, { line: 1, column: 1 }), [], (path, _, what) => {
    problems.push(`${path.join('.')}: ${what}`);
  });
  return problems;
}

suite('the schema and the parser', () => {
  for (const [index, value] of corpus.entries()) {
    test(`take inventory ${index} of the corpus`, () => {
      assert.deepEqual(shapeProblems(value), []);
      assert.equal(isValid(inventorySchema, value), true);
    });
  }

  test('agree on inventories in which something was changed, removed or added at random', () => {
    const counts = { good: 0, bad: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...corpus), fc.array(change, { minLength: 1, maxLength: 2 }), (start, changes) => {
        const value = changes.reduce((current, one) => mutate(current, one), start);
        const problems = shapeProblems(value);
        assert.equal(isValid(inventorySchema, value), problems.length === 0, problems.join('\n'));
        counts[problems.length === 0 ? 'good' : 'bad']++;
      }),
      { numRuns: 3000 },
    );
    assert(counts.good > 100 && counts.bad > 100, `the changes are one-sided: ${JSON.stringify(counts)}`);
  });

  test('agree that every default is right where it stands', () => {
    let defaults = 0;
    const visit = (schema: JsonSchema): void => {
      if (schema.default !== undefined) {
        defaults++;
        assert(isValid(schema, schema.default), JSON.stringify(schema.default));
      }
      for (const below of [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? [])]) visit(below);
      if (schema.items !== undefined) visit(schema.items);
    };
    visit(inventorySchema);
    assert(defaults > 80, `${defaults} defaults`);
  });
});

test('the backends of an inventory are those of the agent', () => {
  const backend = inventorySchema.properties?.['network']?.properties?.['backend'];
  const types = backend?.anyOf?.map((one) => one.properties?.['type']?.const);
  assert.deepEqual(types, [...BACKEND_TYPES]);
  assert.deepEqual([...BACKEND_TYPES].sort(), [...AGENT_BACKENDS].sort());
});

interface Change {
  readonly at: number;
  readonly kind: 'replace' | 'remove' | 'add' | 'repeat';
  readonly value: Json;
}

/** IPv6 texts are left out: there the schema's pattern is wider than the parser, by design. */
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(400),
  kind: fc.constantFrom('replace', 'remove', 'add', 'repeat'),
  value: fc.constantFrom<Json>(
    ...[
      null,
      true,
      false,
      0,
      1,
      -1,
      1.5,
      300,
      70_000,
      1e12,
      '',
      'x',
      'X y',
      '1',
      '10.0.0.300',
      '10.0.0.2',
      '10.0.0.0/24',
    ],
    ...[
      '10.0.0.0/33',
      '/opt',
      '/opt/',
      '/a/../b',
      '-x',
      'off',
      'v2',
      'guide-003',
      'a'.repeat(300),
      [],
      {},
      ['etcd', 'etcd'],
    ],
    ...[
      ['agent'],
      [[]],
      { type: 'udp' },
      { type: 'nothing' },
      { from: 'bundle' },
      { x: 1 },
      '30000-32767',
      '5m',
      '10G',
      'Ünïcode',
    ],
  ),
});

/** The value with one change at the so-manieth part of it. */
function mutate(value: Json, { at, kind, value: other }: Change): Json {
  const total = partsOf(value);
  let left = at % total;
  const walk = (part: Json): Json | undefined => {
    if (left-- === 0) return kind === 'remove' ? undefined : kind === 'replace' ? other : grow(part, kind, other);
    if (Array.isArray(part)) return part.flatMap((item: Json) => walk(item) ?? []);
    if (!isJsonObject(part)) return part;
    const members = Object.entries(part).flatMap(([key, member]) => {
      const next = walk(member);
      return next === undefined ? [] : [[key, next] as const];
    });
    return Object.fromEntries(members);
  };
  return walk(value) ?? null;
}

function grow(part: Json, kind: 'add' | 'repeat', other: Json): Json {
  if (Array.isArray(part)) return [...part, kind === 'repeat' ? (part[0] ?? other) : other];
  return isJsonObject(part) ? { ...part, surplus: other } : other;
}

function partsOf(value: Json): number {
  const below: readonly Json[] = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
  return below.reduce((sum: number, part) => sum + partsOf(part), 1);
}
