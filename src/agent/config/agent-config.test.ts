import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import { type AgentConfig, parseAgentCommandLine } from './agent-config.ts';
import { AGENT_FLAGS } from './agent-flags.ts';

type Environment = Readonly<Record<string, string>>;

function config(argv: readonly string[], environment: Environment = {}): AgentConfig {
  const command = parseAgentCommandLine(argv, environment);
  if (command.type !== 'run') assert.fail(`got ${command.type}`);
  return command.config;
}

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'secret'), text);
  return join(folder, 'secret');
}

test("without flags everything is as flannel's default", () => {
  assert.deepEqual(config([]), {
    etcd: {
      endpoints: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'],
      prefix: '/coreos.com/network',
      api: 'auto',
      keyFile: '',
      certFile: '',
      caFile: '',
      username: '',
      password: '',
    },
    kube: undefined,
    traffic: { masquerade: false, fullyRandom: true, forward: true, compatNft: false, resyncMs: 5000 },
    health: undefined,
    controlSocket: '/run/weft/agent.sock',
    interfaces: [],
    interfacePatterns: [],
    canReach: undefined,
    publicIp: undefined,
    publicIpv6: undefined,
    blackhole: false,
    fastPath: 'off',
    subnetFile: '/run/flannel/subnet.env',
    machineIdFile: '/etc/machine-id',
    cacheFile: '/var/lib/weft/agent-cache.json',
    acceptNewSubnet: false,
    sweepMs: 60_000,
    manageSysctls: true,
    renewMarginMs: 3_600_000,
    withdraw: { graceMs: 3000, limitPercent: 30, holdMs: 3_600_000 },
    verbose: false,
    notes: [],
  });
});

test('an empty -cache-file is none', () => assert.equal(config(['-cache-file=']).cacheFile, undefined));

suite('every flag', () => {
  /** [the value as given, what it makes of the configuration], for each flag there is. */
  const VALUES: Readonly<
    Record<string, readonly [given: string, reads: (config: AgentConfig) => unknown, value: unknown]>
  > = {
    'etcd-endpoints': ['https://a:1, https://b:2', ({ etcd }) => etcd.endpoints, ['https://a:1', 'https://b:2']],
    'etcd-prefix': ['kubernetes//network/', ({ etcd }) => etcd.prefix, 'kubernetes/network'],
    'etcd-api': ['v2', ({ etcd }) => etcd.api, 'v2'],
    'etcd-keyfile': ['k.pem', ({ etcd }) => etcd.keyFile, 'k.pem'],
    'etcd-certfile': ['c.pem', ({ etcd }) => etcd.certFile, 'c.pem'],
    'etcd-cafile': ['ca.pem', ({ etcd }) => etcd.caFile, 'ca.pem'],
    'etcd-username': ['root', ({ etcd }) => etcd.username, 'root'],
    'etcd-password': ['a=b c', ({ etcd }) => etcd.password, 'a=b c'],
    'etcd-password-file': ['/dev/null', () => 'see below', 'see below'],
    iface: ['eth1', ({ interfaces }) => interfaces, ['eth1']],
    'iface-regex': ['^10\\.', ({ interfacePatterns }) => interfacePatterns, [/^10\./u]],
    'iface-can-reach': ['2001:db8::1', ({ canReach }) => canReach, parseIpv6('2001:db8::1')],
    'public-ip': ['192.0.2.7', ({ publicIp }) => publicIp, parseIpv4('192.0.2.7')],
    'public-ipv6': ['2001:db8::7', ({ publicIpv6 }) => publicIpv6, parseIpv6('2001:db8::7')],
    'subnet-file': ['/tmp/s.env', ({ subnetFile }) => subnetFile, '/tmp/s.env'],
    'machine-id-file': ['/tmp/id', ({ machineIdFile }) => machineIdFile, '/tmp/id'],
    'cache-file': ['/tmp/c.json', ({ cacheFile }) => cacheFile, '/tmp/c.json'],
    'accept-new-subnet': ['true', ({ acceptNewSubnet }) => acceptNewSubnet, true],
    'subnet-lease-renew-margin': ['1439', ({ renewMarginMs }) => renewMarginMs, 86_340_000],
    'withdraw-grace': ['0', ({ withdraw }) => withdraw.graceMs, 0],
    'withdraw-limit': ['100', ({ withdraw }) => withdraw.limitPercent, 100],
    'withdraw-hold': ['60', ({ withdraw }) => withdraw.holdMs, 60_000],
    'ip-masq': ['true', ({ traffic }) => traffic.masquerade, true],
    'ip-masq-fully-random-disable': ['1', ({ traffic }) => traffic.fullyRandom, false],
    'iptables-forward-rules': ['f', ({ traffic }) => traffic.forward, false],
    'iptables-resync': ['0x1e', ({ traffic }) => traffic.resyncMs, 30_000],
    'compat-nft': ['T', ({ traffic }) => traffic.compatNft, true],
    'ip-blackhole-route': ['TRUE', ({ blackhole }) => blackhole, true],
    'sweep-seconds': ['0', ({ sweepMs }) => sweepMs, 0],
    'manage-sysctls': ['false', ({ manageSysctls }) => manageSysctls, false],
    'fast-path': ['bpf', ({ fastPath }) => fastPath, 'bpf'],
    'kube-subnet-mgr': ['t', ({ kube }) => kube !== undefined, true],
    'kube-api-url': ['https://k:6443', ({ kube }) => kube?.apiUrl, 'https://k:6443'],
    'kubeconfig-file': ['/k.conf', ({ kube }) => kube?.kubeconfigFile, '/k.conf'],
    'kube-annotation-prefix': ['x.y/z', ({ kube }) => kube?.annotationPrefix, 'x.y/z'],
    'net-config-path': ['/net.json', ({ kube }) => kube?.networkFile, '/net.json'],
    'set-node-network-unavailable': ['0', ({ kube }) => kube?.setNodeNetworkUnavailable, false],
    'healthz-ip': ['::1', ({ health }) => health?.ip, '::1'],
    'healthz-port': ['8090', ({ health }) => health?.port, 8090],
    'control-socket': ['/tmp/a.sock', ({ controlSocket }) => controlSocket, '/tmp/a.sock'],
    v: ['2', ({ verbose }) => verbose, true],
    vmodule: ['main=2', ({ notes }) => notes, ['-vmodule has no effect']],
    log_backtrace_at: ['main.go:1', ({ notes }) => notes, ['-log_backtrace_at has no effect']],
    version: ['false', () => 'see below', 'see below'],
    help: ['false', () => 'see below', 'see below'],
  };
  /** What must be there for the flag to count. */
  const COMPANIONS: Readonly<Record<string, Environment>> = {
    'etcd-keyfile': { FLANNELD_ETCD_CERTFILE: 'c.pem', FLANNELD_ETCD_KEYFILE: 'other.pem' },
    'etcd-certfile': { FLANNELD_ETCD_CERTFILE: 'other.pem', FLANNELD_ETCD_KEYFILE: 'k.pem' },
    'healthz-ip': { FLANNELD_HEALTHZ_PORT: '8090' },
    'kube-subnet-mgr': {},
  };
  const companions = (name: string): Environment => COMPANIONS[name] ?? { FLANNELD_KUBE_SUBNET_MGR: 'true' };

  test('is tried here', () => {
    assert.deepEqual(AGENT_FLAGS.map(({ name }) => name).sort(), Object.keys(VALUES).sort());
  });

  for (const [name, [given, reads, value]] of Object.entries(VALUES)) {
    if (value === 'see below') continue;
    test(`-${name} ${given} counts by one dash, by two, and by environment`, () => {
      const variable = `FLANNELD_${name.toUpperCase().replaceAll('-', '_')}`;
      const others = companions(name);
      assert.notDeepEqual(reads(config([], { [variable]: '', ...others })), value, 'it is the default');
      assert.deepEqual(reads(config([`-${name}=${given}`], others)), value);
      assert.deepEqual(reads(config([`--${name}=${given}`], others)), value);
      assert.deepEqual(reads(config([], { ...others, [variable]: given })), value);
    });
  }
});

suite('a wrong value names the flag', () => {
  for (const [argv, message] of [
    [['-subnet-lease-renew-margin=0'], '-subnet-lease-renew-margin is 0'],
    [['-subnet-lease-renew-margin=1440'], '-subnet-lease-renew-margin is 1440'],
    [['-subnet-lease-renew-margin=1h'], '-subnet-lease-renew-margin wants a whole number, got "1h"'],
    [['-etcd-endpoints=10.0.0.1:2379'], '-etcd-endpoints has "10.0.0.1:2379"'],
    [['-etcd-endpoints=ftp://u:secret@h:1'], '-etcd-endpoints has "ftp://***@h:1"'],
    [['-etcd-endpoints=https://u:secret@h:1'], '-etcd-endpoints has "https://***@h:1"'],
    [['-etcd-endpoints=,'], '-etcd-endpoints names no endpoint'],
    [['-etcd-api=v4'], '-etcd-api is "v4"'],
    [['-etcd-certfile=c.pem'], '-etcd-keyfile is missing: -etcd-certfile and -etcd-keyfile go together'],
    [['-etcd-keyfile=k.pem'], '-etcd-certfile is missing: -etcd-certfile and -etcd-keyfile go together'],
    [['-etcd-password-file=/nonexistent'], 'the file of -etcd-password-file cannot be read'],
    [['-etcd-password-file=/dev/null'], 'the file of -etcd-password-file does not begin with a password'],
    [['-iface-regex=('], '-iface-regex "(" cannot be used'],
    [['-iface-can-reach=example.org'], '-iface-can-reach is "example.org", which is no IP address'],
    [['-subnet-file='], '-subnet-file names no file'],
    [['-ip-masq=yes'], '-ip-masq wants true or false, got "yes"'],
    [['-iptables-resync=0'], '-iptables-resync is 0'],
    [['-iptables-resync=-5'], '-iptables-resync is -5'],
    [['-kube-subnet-mgr', '-kube-api-url=k:6443'], '-kube-api-url has "k:6443"'],
    [['-kube-subnet-mgr', '-net-config-path='], '-net-config-path names no file'],
    [['-healthz-port=65536'], '-healthz-port is 65536'],
    [['-healthz-port=-1'], '-healthz-port is -1'],
    [['-healthz-ip=10.0.0'], '-healthz-ip is "10.0.0", which is no IP address'],
    [['-v=high'], '-v wants a whole number, got "high"'],
  ] as const) {
    test(argv.join(' '), () => {
      assert.throws(() => config(argv), { code: 'usage.flag', exitCode: 2, message });
    });
  }

  for (const [argument, where, why] of [
    ['-public-ip=10.0.0', '-public-ip', undefined],
    ['-public-ip=2001:db8::1', '-public-ip', 'that is not IPv4; its flag is -public-ipv6'],
    ['-public-ipv6=192.0.2.1', '-public-ipv6', 'that is not IPv6; its flag is -public-ip'],
    ['-public-ipv6=::g', '-public-ipv6', undefined],
  ] as const) {
    test(argument, () => {
      assert.throws(() => config([argument]), { code: 'host.public-ip', message: /^invalid public IP/, where, why });
    });
  }

  test('in the environment: the variable', () => {
    const parse = (): unknown => config([], { FLANNELD_IP_MASQ: 'yes' });
    assert.throws(parse, { message: 'FLANNELD_IP_MASQ wants true or false, got "yes"' });
  });
});

suite('the password', () => {
  test('can come from the environment alone, without a word about it', () => {
    const { etcd, notes } = config([], { FLANNELD_ETCD_PASSWORD: 'secret' });
    assert.equal(etcd.password, 'secret');
    assert.deepEqual(notes, []);
  });

  test('can come from a file, whose line end is not part of it, and that wins', (t) => {
    const file = fileWith(t, 'se cret\r\n');
    assert.equal(config(['-etcd-password-file', file], { FLANNELD_ETCD_PASSWORD: 'other' }).etcd.password, 'se cret');
  });

  test('on the command line is warned of, without being repeated', () => {
    const [note = ''] = config(['-etcd-password=secret']).notes;
    assert.match(note, /-etcd-password on the command line/);
    assert.doesNotMatch(note, /secret/);
  });

  test('is in no message about another flag', () => {
    const parse = (): unknown => config(['-etcd-password=secret', '-nosuch=secret', '-v=1']);
    assert.throws(parse, (error: Error) => !String(error).includes('secret'));
  });
});

test('lists keep their order, and an empty value of one does not count', () => {
  const { interfaces, interfacePatterns } = config([
    '-iface=a',
    '-iface=',
    '-iface',
    'b',
    '-iface-regex=x',
    '-iface-regex=y',
  ]);
  assert.deepEqual(interfaces, ['a', 'b']);
  assert.deepEqual(interfacePatterns, [/x/u, /y/u]);
});

test('an empty word, as systemd makes of a variable that is not set, is passed over and told', () => {
  const { etcd, notes } = config(['-etcd-prefix=/a', '', '-etcd-cafile=ca.pem']);
  assert.equal(etcd.caFile, 'ca.pem');
  assert.match(notes[0] ?? '', /empty word/);
});

test('-version and -h are answered whatever else is there, and only on the command line', () => {
  assert.deepEqual(parseAgentCommandLine(['-version'], { FLANNELD_SUBNET_LEASE_RENEW_MARGIN: '0' }), {
    type: 'version',
  });
  for (const help of ['-h', '--h', '-help', '--help']) assert.equal(parseAgentCommandLine([help], {}).type, 'help');
  assert.equal(parseAgentCommandLine([], { FLANNELD_VERSION: 'true', FLANNELD_HELP: 'true' }).type, 'run');
});

test('the usage text names every flag, and the ways to give a password', () => {
  const command = parseAgentCommandLine(['-h'], {});
  const text = command.type === 'help' ? command.text : assert.fail();
  for (const { name } of AGENT_FLAGS) assert(text.includes(`\n  -${name}`), name);
  assert.match(text, /every user of this host can read it: use FLANNELD_ETCD_PASSWORD or -etcd-password-file/);
});
