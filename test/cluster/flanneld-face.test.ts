/** The program under flannel's names, as a process: exit codes, health checks, signals, and docker's helper on real routes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { connectEtcd } from '#etcd/client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { AgentHost, etcdFlags, PREFIX, WEFT } from './agent-host.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}';
const PORT = '8471';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Runs the program to its end on that host, under that name. */
function run(host: AgentHost, name: string, ...words: readonly string[]): Ended {
  const program = join(host.directory, name);
  if (!existsSync(program)) symlinkSync(WEFT, program);
  const argv = [`--net=/run/netns/${host.namespace}`, program, ...words];
  const { status, stdout, stderr } = spawnSync('nsenter', argv, { encoding: 'utf8', timeout: 20_000 });
  return { code: status, out: stdout, error: stderr };
}

const ASK = `fetch(process.argv[1]).then(
  async (answer) => process.stdout.write(answer.status + ' ' + (await answer.text())),
  () => process.stdout.write('no answer'),
)`;

/** Code and body, or that there is no answer. */
function ask(host: AgentHost, path: string): string {
  const url = `http://127.0.0.1:${PORT}${path}`;
  const argv = [`--net=/run/netns/${host.namespace}`, process.execPath, '-e', ASK, url];
  return spawnSync('nsenter', argv, { encoding: 'utf8', timeout: 20_000 }).stdout;
}

async function publishNetwork({ localEndpoints, tls }: EtcdCluster): Promise<void> {
  const etcd = connectEtcd({ endpoints: localEndpoints, ...tls });
  await etcd.put({ key: `${PREFIX}/config`, value: NETWORK });
  etcd.close();
}

suite('flanneld', () => {
  for (const [words, code, out, error] of [
    [['-version'], 0, /^$/, /^\S+\n$/],
    [['-h'], 0, /-etcd-endpoints string\n/, /^$/],
    [['-nosuch'], 2, /^$/, /flag provided but not defined: -nosuch/],
    [['-healthz-port=70000'], 2, /^$/, /-healthz-port is 70000/],
    [['-public-ip=2001:db8::1'], 2, /^$/, /its flag is -public-ipv6/],
  ] as const) {
    test(`${words.join(' ')} ends with ${code}`, (t) => {
      const ended = run(new AgentHost(t), 'flanneld', ...words);
      assert.equal(ended.code, code);
      assert.match(ended.out, out);
      assert.match(ended.error, error);
    });
  }

  test('a port for health checks that is taken ends it with 1 and names the flags', async (t) => {
    const host = new AgentHost(t);
    const cluster = await host.etcd(t);
    const taken = cluster.endpoints[0]?.replace(/.*:/, '') ?? assert.fail();
    const ended = run(host, 'flanneld', `-healthz-port=${taken}`, ...etcdFlags(cluster));
    assert.equal(ended.code, 1);
    assert.match(ended.error, new RegExp(`-healthz-ip 0\\.0\\.0\\.0 -healthz-port ${taken}\\n.*EADDRINUSE`));
  });
});

test('health is told before there is a network, readiness when the subnet file is there, neither after the end', async (t) => {
  const host = new AgentHost(t);
  const cluster = await host.etcd(t);
  const agent = host.start(t, '-healthz-port', PORT, ...etcdFlags(cluster));
  await agent.logged(/waiting for/);
  assert.equal(ask(host, '/healthz'), '200 flanneld is running');
  assert.equal(ask(host, '/readyz'), '503 flanneld is not ready yet');
  assert.equal(ask(host, '/other'), '404 404 page not found\n');
  await publishNetwork(cluster);
  await agent.ready();
  assert.equal(ask(host, '/readyz'), '200 flanneld is ready');
  agent.process.kill('SIGTERM');
  assert.equal(await agent.ended, 0);
  assert.equal(ask(host, '/healthz'), 'no answer');
});

test('a password from a file is neither in the log nor in the process list', async (t) => {
  const host = new AgentHost(t);
  const cluster = await host.etcd(t);
  const secret = join(host.directory, 'password');
  writeFileSync(secret, 'hunter2\n', { mode: 0o600 });
  const flags = ['-v', '2', '-etcd-username', 'root', '-etcd-password-file', secret];
  const agent = host.start(t, ...flags, ...etcdFlags(cluster));
  await agent.logged(/level=(warn|error)/);
  const commandLine = readFileSync(`/proc/${agent.process.pid}/cmdline`, 'utf8');
  assert.match(commandLine, /-etcd-password-file/);
  assert.doesNotMatch(commandLine + agent.log(), /hunter2/);
});

suite('mk-docker-opts.sh', () => {
  const SUBNET_FILE =
    'FLANNEL_NETWORK=172.30.0.0/16\nFLANNEL_SUBNET=172.30.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n';

  function docker(host: AgentHost): Ended & { readonly file: string | undefined } {
    writeFileSync(host.subnetFile, SUBNET_FILE);
    const target = join(host.directory, 'docker');
    const ended = run(host, 'mk-docker-opts.sh', '-c', '-f', host.subnetFile, '-d', target);
    return { ...ended, file: existsSync(target) ? readFileSync(target, 'utf8') : undefined };
  }

  test('writes when the routes that are there only look like the subnet', (t) => {
    const host = new AgentHost(t);
    host.batch(
      'route add 172.30.0.0/16 via 10.77.0.1',
      'route add 172.30.7.0/25 via 10.77.0.1',
      'route add 172.30.70.0/24 via 10.77.0.1',
      'route add 172.30.7.0/24 dev eth0 scope link',
      'route add 172.30.7.0/24 via 10.77.0.1 table 100',
      'route add blackhole 172.30.7.0/24 metric 9',
    );
    const { code, error, file } = docker(host);
    assert.deepEqual([code, error], [0, '']);
    assert.equal(file, 'DOCKER_OPTS=" --bip=172.30.7.1/24 --ip-masq=true --mtu=1450"\n');
  });

  for (const [what, lines] of [
    ['a gateway', ['route add 172.30.7.0/24 via 10.77.0.1']],
    ['a nexthop object', ['nexthop add id 9 via 10.77.0.1 dev eth0', 'route add 172.30.7.0/24 nhid 9']],
    ['two gateways', ['route add 172.30.7.0/24 nexthop via 10.77.0.1 nexthop via 10.77.0.2']],
  ] as const) {
    test(`writes nothing and ends with 1 when the subnet is routed over ${what}`, (t) => {
      const host = new AgentHost(t);
      host.batch(...lines);
      const { code, error, file } = docker(host);
      assert.equal(code, 1);
      assert.match(error, /^Your routing table already contains the subnet: 172\.30\.7\.0\/24\n/);
      assert.equal(file, undefined);
    });
  }

  test('takes what the agent has written, while the fabric is up', async (t) => {
    const host = new AgentHost(t);
    const cluster = await host.etcd(t);
    await publishNetwork(cluster);
    const agent = host.start(t, ...etcdFlags(cluster));
    await agent.ready();
    const target = join(host.directory, 'docker');
    const { code, error } = run(host, 'mk-docker-opts.sh', '-c', '-k', 'KEY', '-f', host.subnetFile, '-d', target);
    assert.deepEqual([code, error], [0, '']);
    const gateway = /^FLANNEL_SUBNET=(.*)$/m.exec(host.readSubnetFile())?.[1] ?? assert.fail();
    assert.equal(readFileSync(target, 'utf8'), `KEY=" --bip=${gateway} --ip-masq=true --mtu=1450"\n`);
  });
});
