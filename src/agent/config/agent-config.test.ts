import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4 } from '#model/ipv4.ts';
import { type AgentConfig, parseAgentCommandLine } from './agent-config.ts';

function config(argv: readonly string[], environment: Record<string, string> = {}): AgentConfig {
  const command = parseAgentCommandLine(argv, environment);
  if (command.type !== 'run') assert.fail(`got ${command.type}`);
  return command.config;
}

test("without flags everything is as flannel's default", () => {
  const { etcd, ...rest } = config([]);
  assert.deepEqual(etcd.endpoints, ['http://127.0.0.1:4001', 'http://127.0.0.1:2379']);
  assert.equal(etcd.prefix, '/coreos.com/network');
  assert.deepEqual(rest, {
    interfaces: [],
    publicIp: undefined,
    subnetFile: '/run/flannel/subnet.env',
    renewMarginMs: 3_600_000,
    verbose: false,
  });
});

test("a guide's command line is read as it stands", () => {
  const { etcd, interfaces } = config([
    '-etcd-cafile=/etc/kubernetes/cert/ca.pem',
    '-etcd-certfile=/etc/flanneld/cert/flanneld.pem',
    '-etcd-keyfile=/etc/flanneld/cert/flanneld-key.pem',
    '-etcd-endpoints=https://10.0.0.1:2379,https://10.0.0.2:2379',
    '-etcd-prefix=kubernetes/network/',
    '-iface=eth0',
  ]);
  assert.deepEqual(etcd.endpoints, ['https://10.0.0.1:2379', 'https://10.0.0.2:2379']);
  assert.equal(etcd.prefix, '/kubernetes/network');
  assert.equal(etcd.keyFile, '/etc/flanneld/cert/flanneld-key.pem');
  assert.deepEqual(interfaces, ['eth0']);
});

test('a password can come from the environment alone', () => {
  assert.equal(config([], { FLANNELD_ETCD_PASSWORD: 'secret' }).etcd.password, 'secret');
});

test('the public address is read as a number', () => {
  assert.equal(config(['-public-ip', '192.0.2.7']).publicIp, parseIpv4('192.0.2.7'));
});

for (const [argv, code, text] of [
  [['-subnet-lease-renew-margin=0'], 'usage.flag', /is 0/],
  [['-subnet-lease-renew-margin=1440'], 'usage.flag', /is 1440/],
  [['-etcd-endpoints=10.0.0.1:2379'], 'usage.flag', /"10\.0\.0\.1:2379"/],
  [['-etcd-endpoints=,'], 'usage.flag', /no endpoint/],
  [['-public-ip=10.0.0'], 'host.public-ip', /"10\.0\.0"/],
] as const) {
  test(`${argv.join(' ')} is refused, naming the value`, () => {
    assert.throws(() => config(argv), { code, message: text });
  });
}

test('-version and -h are answered whatever else is there', () => {
  assert.deepEqual(parseAgentCommandLine(['-version'], {}), { type: 'version' });
  assert.equal(parseAgentCommandLine(['-h'], {}).type, 'help');
  assert.equal(parseAgentCommandLine([], { FLANNELD_VERSION: 'true' }).type, 'run');
});
