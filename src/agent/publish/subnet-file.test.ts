import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { parseCidr } from '#model/ip.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import { formatSubnetFile, parsePreviousSubnet, readPreviousSubnet, writeSubnetFile } from './subnet-file.ts';

const NETWORK = parseIpv4Cidr('172.30.0.0/16') ?? assert.fail();
const SUBNET = parseIpv4Cidr('172.30.71.0/24') ?? assert.fail();
const TEXT = formatSubnetFile({ ipv4: { network: NETWORK, subnet: SUBNET }, mtu: 1450, masquerade: true });

function inDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'weft-subnet-file-'));
  try {
    run(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('the text is what flannel 0.28.9 wrote in the recorded dump', () => {
  const dump = 'FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=172.30.71.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
  assert.equal(TEXT, dump);
});

test('with both families there are six lines, with IPv6 alone four, in the order of the specification', () => {
  const cidr = (text: string) => parseCidr(text) ?? assert.fail(text);
  const ipv6 = { network: cidr('fd10::/48'), subnet: cidr('fd10:0:0:47::/64') };
  const lines6 = 'FLANNEL_IPV6_NETWORK=fd10::/48\nFLANNEL_IPV6_SUBNET=fd10:0:0:47::1/64\n';
  const rest = 'FLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n';
  const common = { mtu: 1430, masquerade: false };
  assert.equal(formatSubnetFile({ ipv6, ...common }), lines6 + rest);
  assert.equal(
    formatSubnetFile({ ipv4: { network: NETWORK, subnet: SUBNET }, ipv6, ...common }),
    `FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=172.30.71.1/24\n${lines6}${rest}`,
  );
});

for (const [text, subnet] of [
  [TEXT, '172.30.71.0/24'],
  ['FLANNEL_SUBNET="10.5.1.1/24"\n', '10.5.1.0/24'],
  ["export FLANNEL_SUBNET='10.5.1.1/24' # ours\n", '10.5.1.0/24'],
  ['FLANNEL_SUBNET=nonsense,10.5.1.1/24\n', '10.5.1.0/24'],
  ['FLANNEL_SUBNET=10.5.1.1/24,10.5.2.1/24\n', undefined],
  ['FLANNEL_SUBNET=\n', undefined],
  ['FLANNEL_SUBNETS=10.5.1.1/24\n', undefined],
  ['FLANNEL_SUBNET=10.5.1.1/24\nFLANNEL_IPV6_SUBNET=fd10:0:0:7::1/64\n', '10.5.1.0/24&fd10:0:0:7::/64'],
  ['FLANNEL_IPV6_SUBNET=fd10:0:0:7::1/64\n', 'fd10:0:0:7::/64'],
  ['FLANNEL_SUBNET=fd10::1/64\nFLANNEL_IPV6_SUBNET=10.5.1.1/24\n', undefined],
  ['', undefined],
] as const) {
  test(`the previous subnet in ${JSON.stringify(text.slice(-40))} is ${subnet}`, () => {
    const expected = subnet === undefined ? undefined : parseSubnetKey(subnet.replaceAll('/', '-'));
    assert.deepEqual(parsePreviousSubnet(text), expected);
  });
}

test('a new file has mode 0644 in a new directory, whatever the umask', () => {
  inDirectory((directory) => {
    const path = join(directory, 'run/flannel/subnet.env');
    const umask = process.umask(0o077);
    try {
      assert.equal(writeSubnetFile(path, TEXT), true);
    } finally {
      process.umask(umask);
    }
    assert.equal(readFileSync(path, 'utf8'), TEXT);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.deepEqual(readPreviousSubnet(path), { ipv4: SUBNET });
  });
});

test('an existing file keeps its mode, and an unchanged one is not written', () => {
  inDirectory((directory) => {
    const path = join(directory, 'subnet.env');
    writeFileSync(path, 'old');
    chmodSync(path, 0o600);
    assert.equal(writeSubnetFile(path, TEXT), true);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const inode = statSync(path).ino;
    assert.equal(writeSubnetFile(path, TEXT), false);
    assert.equal(statSync(path).ino, inode);
  });
});

test('a path that cannot be written is a fault that names it and leaves no temporary file', () => {
  inDirectory((directory) => {
    assert.throws(() => writeSubnetFile(join(directory, '.'), TEXT), { code: 'host.subnet-file' });
    assert.deepEqual(readdirSync(directory), []);
  });
});
