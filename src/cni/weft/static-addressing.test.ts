import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfiguration } from '#cni/protocol/configuration.ts';
import { CniError } from '#cni/protocol/error.ts';
import { formatIp } from '#model/ip.ts';
import { readStaticAddressing } from './static-addressing.ts';

function read(args: string, config: object = {}): readonly [readonly string[], string | undefined] {
  const { addresses, mac } = readStaticAddressing({
    args,
    config: parseConfiguration(JSON.stringify({ name: 'net', ...config })),
  });
  return [addresses.map(formatIp), mac];
}

test('nothing asked for is nothing asked for', () => {
  assert.deepEqual(read(''), [[], undefined]);
  assert.deepEqual(read('IP=;MAC=;GATEWAY='), [[], undefined]);
  assert.deepEqual(read('', { args: { cni: {} }, runtimeConfig: { ips: [], mac: '' } }), [[], undefined]);
});

test('CNI_ARGS asks for an address and a MAC, among what is for others', () => {
  assert.deepEqual(read('IgnoreUnknown=1;K8S_POD_NAME=web;IP=10.5.1.7;MAC=02:00:00:00:00:0A'), [
    ['10.5.1.7'],
    '02:00:00:00:00:0a',
  ]);
  assert.deepEqual(read('IP=fd00:5:1::7/64'), [['fd00:5:1::7'], undefined]);
  assert.deepEqual(read('MAC=02-00-00-00-00-0a;IgnoreUnknown=TRUE'), [[], '02:00:00:00:00:0a']);
});

test('the configuration asks too, and its MAC goes before that of CNI_ARGS', () => {
  const config = {
    args: { cni: { ips: ['10.5.1.8/24'], mac: '02:00:00:00:00:02' } },
    runtimeConfig: { ips: ['fd00:5:1::8'] },
  };
  assert.deepEqual(read('IP=10.5.1.7;MAC=02:00:00:00:00:01', config), [
    ['10.5.1.7', '10.5.1.8', 'fd00:5:1::8'],
    '02:00:00:00:00:02',
  ]);
  assert.deepEqual(read('', { ...config, runtimeConfig: { mac: '02:00:00:00:00:03' } })[1], '02:00:00:00:00:03');
});

suite('is refused', () => {
  for (const [args, code, message] of [
    ['K8S_POD_NAME=web;A=1', 4, /^CNI_ARGS: unknown args \[K8S_POD_NAME A\]$/],
    ['IgnoreUnknown=0;A=1', 4, /^CNI_ARGS: unknown args \[A\]$/],
    ['ip=10.5.1.7', 4, /^CNI_ARGS: unknown args \[ip\]$/],
    ['IgnoreUnknown=yes', 4, /^CNI_ARGS: IgnoreUnknown is "yes"/],
    ['IP', 4, /^CNI_ARGS: invalid pair "IP"$/],
    ['IP=10.5.1.7;', 4, /^CNI_ARGS: invalid pair ""$/],
    ['IP=10.5.1.7=8', 4, /^CNI_ARGS: invalid pair/],
    ['IP=here', 4, /^CNI_ARGS: IP "here" is no address$/],
    ['MAC=here', 4, /^CNI_ARGS: MAC "here" is no address of one interface$/],
    ['MAC=01:00:00:00:00:01', 4, /^CNI_ARGS: MAC/],
    ['GATEWAY=10.5.1.1', 2, /^CNI_ARGS: the plugin weft takes no GATEWAY$/],
  ] as const) {
    test(`with code ${code}: ${args}`, () => {
      assert.throws(() => read(args), { code, message, constructor: CniError });
    });
  }
  for (const [config, code, message] of [
    [{ runtimeConfig: { ips: ['here'] } }, 7, /^IP "here" is no address$/],
    [{ runtimeConfig: { ips: [7] } }, 7, /^IP 7 is no address$/],
    [{ args: { cni: { mac: 'here' } } }, 7, /^MAC "here" is no address of one interface$/],
    [{ runtimeConfig: { ips: '10.5.1.7' } }, 6, /ips must be a list/],
    [{ args: 7 }, 6, /args must be an object/],
  ] as const) {
    test(`with code ${code}: ${JSON.stringify(config)}`, () => {
      assert.throws(() => read('', config), { code, message });
    });
  }
});
