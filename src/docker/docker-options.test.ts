import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type DockerOptionsForm, dockerOptions } from './docker-options.ts';

const SUBNET_FILE = `FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.74.1/24
FLANNEL_MTU=1472
FLANNEL_IPMASQ=false
`;
const BOTH: DockerOptionsForm = { individual: false, combined: false, key: 'DOCKER_OPTS', masquerade: true };
const INDIVIDUAL = `DOCKER_OPT_BIP="--bip=10.1.74.1/24"
DOCKER_OPT_IPMASQ="--ip-masq=true"
DOCKER_OPT_MTU="--mtu=1472"
`;
const COMBINED = 'DOCKER_OPTS=" --bip=10.1.74.1/24 --ip-masq=true --mtu=1472"\n';

suite("the recorded output of flannel's script", () => {
  for (const [what, form, text] of [
    ['without flags', {}, INDIVIDUAL + COMBINED],
    ['-i', { individual: true }, INDIVIDUAL],
    ['-c', { combined: true }, COMBINED],
    ['-i -c', { individual: true, combined: true }, INDIVIDUAL + COMBINED],
    ['-c -k NAME', { combined: true, key: 'NAME' }, COMBINED.replace('DOCKER_OPTS', 'NAME')],
    ['-c -m', { combined: true, masquerade: false }, 'DOCKER_OPTS=" --bip=10.1.74.1/24 --mtu=1472"\n'],
  ] as const) {
    test(what, () => assert.equal(dockerOptions(SUBNET_FILE, {}, { ...BOTH, ...form }), text));
  }

  test('what the key holds already stands in front, with two blanks', () => {
    const text = dockerOptions('FLANNEL_MTU=1450\n', { DOCKER_OPTS: '--foo' }, { ...BOTH, combined: true });
    assert.equal(text, 'DOCKER_OPTS="--foo  --mtu=1450"\n');
  });

  test('no subnet file', () => assert.equal(dockerOptions('', {}, BOTH), 'DOCKER_OPTS=""\n'));

  test('docker leaves masquerading to a fabric that does it', () => {
    const text = dockerOptions('FLANNEL_IPMASQ=true\n', {}, { ...BOTH, individual: true });
    assert.equal(text, 'DOCKER_OPT_IPMASQ="--ip-masq=false"\n');
  });
});

test('options that are set already come along in alphabetical order, and the subnet file wins over them', () => {
  const environment = { DOCKER_OPT_ZERO: '-z', DOCKER_OPT_BIP: '--bip=1.2.3.4/24', DOCKER_OPT_A: '-a', PATH: '/bin' };
  const text = dockerOptions('FLANNEL_SUBNET=10.1.74.1/24', environment, { ...BOTH, combined: true });
  assert.equal(text, 'DOCKER_OPTS=" -a --bip=10.1.74.1/24 -z"\n');
});

test('the variables may come from the environment alone, and IPv6 is none of docker’s business', () => {
  const text = dockerOptions('FLANNEL_IPV6_SUBNET=fd00::1/64\n', { FLANNEL_MTU: '1400' }, { ...BOTH, combined: true });
  assert.equal(text, 'DOCKER_OPTS=" --mtu=1400"\n');
});

suite('D-34', () => {
  test('a value with blanks stays one value', () => {
    const text = dockerOptions('', { DOCKER_OPT_LOG: '--log-opt tag=a  b' }, BOTH);
    assert.equal(text, 'DOCKER_OPT_LOG="--log-opt tag=a  b"\nDOCKER_OPTS=" --log-opt tag=a  b"\n');
  });

  test('a variable that only mentions DOCKER_OPT_ is not written', () => {
    const environment = { MY_DOCKER_OPT_X: '1', SECRET: 'DOCKER_OPT_Y', DOCKER_OPTIONS: '2' };
    assert.equal(dockerOptions('', environment, { ...BOTH, individual: true }), '');
  });

  test('what systemd and shells would read differently is escaped', () => {
    const text = dockerOptions('', { DOCKER_OPT_A: '--label="x" $HOME `id` \\' }, { ...BOTH, individual: true });
    assert.equal(text, 'DOCKER_OPT_A="--label=\\"x\\" \\$HOME \\`id\\` \\\\"\n');
  });

  test('the combined variable is not an option of itself, so that a second run adds nothing', () => {
    const form = { ...BOTH, combined: true, key: 'DOCKER_OPT_ALL' };
    assert.equal(dockerOptions('', { DOCKER_OPT_ALL: '-x' }, form), 'DOCKER_OPT_ALL="-x "\n');
  });
});

test('a masquerade that is neither true nor false is refused in the words of the script', () => {
  const make = (form: DockerOptionsForm): string => dockerOptions('FLANNEL_IPMASQ=yes', {}, form);
  assert.throws(() => make(BOTH), { code: 'docker.masquerade', message: 'Invalid value of FLANNEL_IPMASQ: yes' });
  assert.equal(make({ ...BOTH, masquerade: false }), 'DOCKER_OPTS=""\n');
});

test('a key that is no name never reaches the file', () => {
  assert.throws(() => dockerOptions('', {}, { ...BOTH, key: 'X=1; Y' }), {
    code: 'usage.flag',
    message: /-k "X=1; Y"/,
  });
});
