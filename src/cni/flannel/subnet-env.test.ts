import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { loadSubnetEnv, parseSubnetEnv } from './subnet-env.ts';

const V4 = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n';
const V6 = 'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:1::1/64\n';
const REST = 'FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n';

function file(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-subnet-env-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'subnet.env'), text);
  return join(folder, 'subnet.env');
}

suite('the values of', () => {
  const rest = { mtu: 1472, masquerade: true };
  const cases: readonly (readonly [string, string, object])[] = [
    ['IPv4', V4, { networks: ['10.1.0.0/16'], subnet: '10.1.17.0/24', ipv6Networks: [], ipv6Subnet: undefined }],
    ['IPv6', V6, { networks: [], subnet: undefined, ipv6Networks: ['fc00::/48'], ipv6Subnet: 'fc00:0:0:1::/64' }],
    [
      'both',
      V4 + V6,
      { networks: ['10.1.0.0/16'], subnet: '10.1.17.0/24', ipv6Networks: ['fc00::/48'], ipv6Subnet: 'fc00:0:0:1::/64' },
    ],
  ];
  for (const [name, text, values] of cases) {
    test(name, () => assert.deepEqual(parseSubnetEnv(text + REST, 'f'), { ...rest, ...values }));
  }
});

test('networks are a list without duplicates, host bits cleared', () => {
  const { networks } = parseSubnetEnv(`${V4}FLANNEL_NETWORK=10.1.2.3/16,10.2.0.0/16,10.1.0.0/16\n${REST}`, 'f');
  assert.deepEqual(networks, ['10.1.0.0/16', '10.2.0.0/16']);
});

test('FLANNEL_IPMASQ is true only when it is exactly that', () => {
  for (const value of ['false', 'TRUE', '1', ' true', '']) {
    assert.equal(parseSubnetEnv(`${V4}FLANNEL_MTU=1\nFLANNEL_IPMASQ=${value}\n`, 'f').masquerade, false, value);
  }
});

test('unknown lines are passed over', () => {
  assert.equal(parseSubnetEnv(`# flannel\nFOO\nFOO=BAR=1\n\n${V4}${REST}`, 'f').mtu, 1472);
});

suite('what is missing is named', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'all',
      'foo=bar',
      'FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ',
    ],
    ['the subnet', `FLANNEL_NETWORK=10.1.0.0/16\n${REST}`, 'FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET'],
    ['the network', `FLANNEL_SUBNET=10.1.1.1/24\n${REST}`, 'FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK'],
    ['the MTU', `${V4}FLANNEL_IPMASQ=true`, 'FLANNEL_MTU'],
    ['who masquerades', `${V4}FLANNEL_MTU=1400`, 'FLANNEL_IPMASQ'],
  ];
  for (const [name, text, words] of cases) {
    test(name, () => assert.throws(() => parseSubnetEnv(text, '/x.env'), { message: `/x.env is missing ${words}` }));
  }
});

suite('a value that cannot be read is refused', () => {
  const lines = [
    'FLANNEL_NETWORK=10.1.0.0',
    'FLANNEL_NETWORK=fc00::/48',
    'FLANNEL_NETWORK=10.1.0.0/16,',
    'FLANNEL_SUBNET="10.1.1.1/24"',
    'FLANNEL_SUBNET=10.1.1.1/24 ',
    'FLANNEL_SUBNET=10.1.1.1/24,10.1.2.1/24',
    'FLANNEL_IPV6_SUBNET=10.1.1.1/24',
    'FLANNEL_MTU=-1',
    'FLANNEL_MTU=4294967296',
    'FLANNEL_MTU=1e3',
    'FLANNEL_MTU=',
    'FLANNEL_SUBNET',
  ];
  for (const line of lines) {
    test(line, () =>
      assert.throws(() => parseSubnetEnv(`${V4}${REST}${line}\n`, 'f'), new RegExp(line.split('=')[0] ?? '')),
    );
  }
});

test('a file that is not there yet is a reason to try again, in the words that operators search for', () => {
  assert.throws(() => loadSubnetEnv('/nowhere/subnet.env'), {
    code: 11,
    message:
      "failed to load flannel 'subnet.env' file: open /nowhere/subnet.env: no such file or directory. Check the flannel pod log for this node.",
  });
});

test('a file that cannot be read is an I/O failure', () => {
  assert.throws(() => loadSubnetEnv('/'), { code: 5, message: /^failed to load flannel 'subnet.env' file: EISDIR/ });
});

test('a file that is no use says what is missing', (t) => {
  const path = file(t, 'foo=bar\n');
  assert.throws(() => loadSubnetEnv(path), {
    code: 7,
    message: new RegExp(`^failed to load flannel 'subnet.env' file: ${path} is missing FLANNEL_NETWORK, FLANNEL_IPV6`),
  });
});
