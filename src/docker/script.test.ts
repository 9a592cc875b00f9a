import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import type { Route } from '#netlink/route.ts';
import { runDockerOptionsScript } from './script.ts';

const SUBNET_FILE =
  'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n';
const OPTIONS = ' --bip=10.1.74.1/24 --ip-masq=true --mtu=1472';
const CONFLICT: Route = {
  destination: parseIpv4Cidr('10.1.74.0/24') ?? assert.fail(),
  linkIndex: 2,
  gateway: 1,
  nexthop: undefined,
  onlink: false,
  source: undefined,
  protocol: 3,
  scope: 0,
  type: 1,
  priority: 0,
};

class Machine {
  readonly folder: string;
  readonly subnetFile: string;
  readonly dockerFile: string;
  routes: readonly Route[] = [];
  environment: Record<string, string> = {};

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'weft-docker-'));
    t.after(() => rmSync(this.folder, { recursive: true }));
    this.subnetFile = join(this.folder, 'subnet.env');
    this.dockerFile = join(this.folder, 'docker');
    writeFileSync(this.subnetFile, SUBNET_FILE);
  }

  async run(...argv: string[]): Promise<{ code: number; error: string }> {
    let error = '';
    const code = await runDockerOptionsScript(argv, {
      environment: this.environment,
      writeError: (text) => (error += text),
      listRoutes: async () => this.routes,
    });
    return { code, error };
  }

  files(): readonly string[] {
    return readdirSync(this.folder).sort();
  }
}

suite('options as getopts takes them', () => {
  for (const [what, words, text] of [
    ['apart', ['-c', '-k', 'KEY', '-f', 'SUBNET', '-d', 'DOCKER'], `KEY="${OPTIONS}"\n`],
    ['joined', ['-cmkKEY', '-fSUBNET', '-dDOCKER'], 'KEY=" --bip=10.1.74.1/24 --mtu=1472"\n'],
    ['up to the first other word', ['-c', '-fSUBNET', '-dDOCKER', 'word', '-x'], `DOCKER_OPTS="${OPTIONS}"\n`],
    ['up to --', ['-c', '-fSUBNET', '-dDOCKER', '--', '-x'], `DOCKER_OPTS="${OPTIONS}"\n`],
    ['the last one counts', ['-c', '-kA', '-kB', '-fSUBNET', '-dDOCKER'], `B="${OPTIONS}"\n`],
  ] as const) {
    test(what, async (t) => {
      const machine = new Machine(t);
      const argv = words.map((word) =>
        word.replace('SUBNET', machine.subnetFile).replace('DOCKER', machine.dockerFile),
      );
      assert.deepEqual(await machine.run(...argv), { code: 0, error: '' });
      assert.equal(readFileSync(machine.dockerFile, 'utf8'), text);
    });
  }

  for (const words of [['-h'], ['-?'], ['-x'], ['-cx'], ['--help'], ['-k']]) {
    test(`${words.join(' ')} prints how it is used and ends with 1`, async (t) => {
      const machine = new Machine(t);
      const { code, error } = await machine.run('-d', machine.dockerFile, ...words);
      assert.equal(code, 1);
      assert.match(error, /Usage: mk-docker-opts\.sh \[-f /);
      assert.deepEqual(machine.files(), ['subnet.env']);
    });
  }
});

test('without a subnet file the variables are empty, and that is no error', async (t) => {
  const machine = new Machine(t);
  assert.equal((await machine.run('-f', '/nonexistent', '-d', machine.dockerFile)).code, 0);
  assert.equal(readFileSync(machine.dockerFile, 'utf8'), 'DOCKER_OPTS=""\n');
});

suite('nothing is written and the code is 1', () => {
  test('when the subnet is routed to another host', async (t) => {
    const machine = new Machine(t);
    machine.routes = [CONFLICT];
    const { code, error } = await machine.run('-f', machine.subnetFile, '-d', machine.dockerFile);
    assert.equal(code, 1);
    assert.match(error, /^Your routing table already contains the subnet: 10\.1\.74\.0\/24\n/);
    assert.deepEqual(machine.files(), ['subnet.env']);
  });

  test('when it is not said who masquerades', async (t) => {
    const machine = new Machine(t);
    writeFileSync(machine.subnetFile, 'FLANNEL_IPMASQ=maybe\n');
    const { code, error } = await machine.run('-f', machine.subnetFile, '-d', machine.dockerFile);
    assert.equal(code, 1);
    assert.match(error, /^Invalid value of FLANNEL_IPMASQ: maybe\n/);
    assert.deepEqual(machine.files(), ['subnet.env']);
  });
});

suite('the file is replaced at once', () => {
  test('its mode stays, a link keeps pointing to it, and nothing is left beside it', async (t) => {
    const machine = new Machine(t);
    const target = join(machine.folder, 'target');
    writeFileSync(target, 'old');
    chmodSync(target, 0o600);
    symlinkSync('target', machine.dockerFile);
    const inode = statSync(target).ino;
    assert.equal((await machine.run('-c', '-f', machine.subnetFile, '-d', machine.dockerFile)).code, 0);
    assert.equal(lstatSync(machine.dockerFile).isSymbolicLink(), true);
    assert.equal(readFileSync(target, 'utf8'), `DOCKER_OPTS="${OPTIONS}"\n`);
    assert.equal(statSync(target).mode & 0o777, 0o600);
    assert.notEqual(statSync(target).ino, inode, 'it was written in place');
    assert.deepEqual(machine.files(), ['docker', 'subnet.env', 'target']);
  });

  test('its folder is made', async (t) => {
    const machine = new Machine(t);
    const file = join(machine.folder, 'run/flannel/docker');
    assert.equal((await machine.run('-f', machine.subnetFile, '-d', file)).code, 0);
    assert.match(readFileSync(file, 'utf8'), /^DOCKER_OPT_BIP=/);
  });

  test('a device is written to and stays one', async (t) => {
    const machine = new Machine(t);
    assert.equal((await machine.run('-f', machine.subnetFile, '-d', '/dev/null')).code, 0);
    assert.equal(statSync('/dev/null').isCharacterDevice(), true);
  });

  test('a folder in its place is an error that names it', async (t) => {
    const machine = new Machine(t);
    mkdirSync(machine.dockerFile);
    const { code, error } = await machine.run('-f', machine.subnetFile, '-d', machine.dockerFile);
    assert.equal(code, 1);
    assert(error.includes(machine.dockerFile), error);
  });
});
