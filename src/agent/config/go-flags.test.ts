import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFlags, type FlagDefinition, overlayEnvironment, parseGoFlags, readGoInteger } from './go-flags.ts';

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

for (const [argv, why] of [
  [['-ip-masq', 'false'], 'write -ip-masq=false: the value needs the equals sign'],
  [['\\', '-v=1'], 'a line of a unit file goes on after one backslash, not after two'],
  [['--', '-v=1'], 'the agent takes flags only'],
] as const) {
  test(`${argv.join(' ')} is refused, where Go would leave out the rest: ${why}`, () => {
    assert.throws(() => parse(...argv), { code: 'usage.flag', why });
  });
}

test('an empty word is passed over', () => {
  assert.deepEqual(parse('', '-v=1', ''), { v: ['1'] });
});

test("numbers are read in Go's notations", () => {
  const texts = [
    '0',
    '-0',
    '+7',
    '010',
    '0x1F',
    '0b101',
    '0o17',
    '1_000',
    '08',
    '1__0',
    '_1',
    '',
    '1.5',
    '9'.repeat(17),
  ];
  const numbers = [0, 0, 7, 8, 31, 5, 15, 1000, undefined, undefined, undefined, undefined, undefined, undefined];
  assert.deepEqual(texts.map(readGoInteger), numbers);
});

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
