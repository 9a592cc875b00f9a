import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFlags, type FlagDefinition, overlayEnvironment, parseGoFlags } from './go-flags.ts';

const FLAGS: readonly FlagDefinition[] = [
  { name: 'iface', type: 'list', default: '', help: 'interface' },
  { name: 'etcd-prefix', type: 'string', default: '/coreos.com/network', help: 'prefix' },
  { name: 'ip-masq', type: 'boolean', default: 'false', help: 'masquerade' },
  { name: 'v', type: 'integer', default: '0', help: 'log level' },
];

function parse(...argv: string[]): Record<string, readonly string[]> {
  return Object.fromEntries(parseGoFlags(FLAGS, argv));
}

test('one dash and two dashes, an equals sign and a following word all mean the same', () => {
  for (const argv of [['-v', '2'], ['--v', '2'], ['-v=2'], ['--v=2']]) assert.deepEqual(parse(...argv), { v: ['2'] });
});

test('a boolean never takes the next word', () => {
  assert.deepEqual(parse('-ip-masq', '-v', '1'), { 'ip-masq': ['true'], v: ['1'] });
  assert.deepEqual(parse('-ip-masq=F'), { 'ip-masq': ['false'] });
});

test('a list keeps every value in order, other flags the last one', () => {
  assert.deepEqual(parse('-iface', 'eth0', '--iface=eth1', '-v=1', '-v=3'), { iface: ['eth0', 'eth1'], v: ['3'] });
});

test('a value may contain an equals sign, and an empty one is kept', () => {
  assert.deepEqual(parse('-etcd-prefix=/a=b'), { 'etcd-prefix': ['/a=b'] });
  assert.deepEqual(parse('-etcd-prefix='), { 'etcd-prefix': [''] });
});

for (const [argv, message] of [
  [['-nosuch'], 'flag provided but not defined: -nosuch'],
  [['-v'], 'flag needs an argument: -v'],
  [['-v', 'many'], '-v wants a whole number, got "many"'],
  [['-ip-masq=yes'], '-ip-masq wants true or false, got "yes"'],
  [['word'], 'unexpected argument "word"'],
] as const) {
  test(`${argv.join(' ')} is refused: ${message}`, () => {
    assert.throws(() => parse(...argv), { code: 'usage.flag', message });
  });
}

test('a flag that is nearly right is suggested', () => {
  assert.throws(() => parse('-etcd-prefixes', '/x'), { why: 'did you mean -etcd-prefix?' });
});

test('the environment fills in what the command line does not have, and empty variables do not count', () => {
  const environment = { FLANNELD_ETCD_PREFIX: '/from/env', FLANNELD_V: '1', FLANNELD_IFACE: '', OTHER: 'x' };
  const values = overlayEnvironment(FLAGS, parseGoFlags(FLAGS, ['-v=2']), environment, 'FLANNELD_');
  assert.deepEqual(Object.fromEntries(values), { v: ['2'], 'etcd-prefix': ['/from/env'] });
});

test('a bad value in the environment is refused by the name of the variable', () => {
  const overlay = (): unknown => overlayEnvironment(FLAGS, new Map(), { FLANNELD_V: 'x' }, 'FLANNELD_');
  assert.throws(overlay, { message: 'FLANNELD_V wants a whole number, got "x"' });
});

test('the usage text names type, help and default', () => {
  assert.match(describeFlags(FLAGS), /^ {2}-etcd-prefix string\n {8}prefix \(default \/coreos\.com\/network\)\n/);
});
