/**
 * The five published guides that this program is for: the lines of their units by which systemd starts flanneld, and then
 * its helper for docker, with their files of options. Only those lines are here.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { type AgentConfig, parseAgentCommandLine } from '#agent/config/agent-config.ts';
import { formatSubnetFile } from '#agent/publish/subnet-file.ts';
import { parseEnvironmentFile } from '#docker/environment-file.ts';
import { runDockerOptionsScript } from '#docker/script.ts';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { commandLines, expandCommandLine, hereDocument, parseUnit } from './systemd-unit.ts';

interface Guide {
  readonly name: string;
  readonly unit: string;
  /** Files of options by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly program: string;
  readonly etcd: Partial<AgentConfig['etcd']>;
  readonly interfaces: readonly string[];
  readonly masquerade: boolean;
  /** Docker's unit: how dockerd is told. */
  readonly dockerd: string;
  readonly dockerOptions: readonly string[];
}

const HEREDOC = `[Service]
Type=notify
ExecStart=/opt/k8s/bin/flanneld \\\\
  -etcd-cafile=/etc/kubernetes/cert/ca.pem \\\\
  -etcd-certfile=/etc/flanneld/cert/flanneld.pem \\\\
  -etcd-keyfile=/etc/flanneld/cert/flanneld-key.pem \\\\
  -etcd-endpoints=\${ETCD_ENDPOINTS} \\\\
  -etcd-prefix=\${FLANNEL_ETCD_PREFIX} \\\\
  -iface=\${IFACE}`;
const POST = `
ExecStartPost=/opt/k8s/bin/mk-docker-opts.sh -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker
Restart=on-failure
`;
const HEREDOC_ETCD = {
  endpoints: ['https://172.16.60.241:2379', 'https://172.16.60.242:2379', 'https://172.16.60.243:2379'],
  prefix: '/kubernetes/network',
  caFile: '/etc/kubernetes/cert/ca.pem',
  certFile: '/etc/flanneld/cert/flanneld.pem',
  keyFile: '/etc/flanneld/cert/flanneld-key.pem',
};
const HEREDOC_VARIABLES = {
  ETCD_ENDPOINTS: HEREDOC_ETCD.endpoints.join(','),
  FLANNEL_ETCD_PREFIX: '/kubernetes/network',
  IFACE: 'ens192',
};
const BOTH_DOCKER_OPTIONS = ['--bip=172.30.71.1/24', '--ip-masq=true', '--mtu=1450'];

const GUIDES: readonly Guide[] = [
  {
    name: 'flannel 0.10.0 from a here-document, interface named',
    unit: hereDocument(HEREDOC + POST, HEREDOC_VARIABLES),
    files: {},
    program: '/opt/k8s/bin/flanneld',
    etcd: HEREDOC_ETCD,
    interfaces: ['ens192'],
    masquerade: false,
    dockerd: '$DOCKER_NETWORK_OPTIONS',
    dockerOptions: BOTH_DOCKER_OPTIONS,
  },
  {
    name: 'flannel 0.10.0, a variable for each option',
    unit: `[Service]
EnvironmentFile=-/opt/kubernetes/cfg/flannel
ExecStartPre=/opt/kubernetes/bin/remove-docker0.sh
ExecStart=/opt/kubernetes/bin/flanneld \${FLANNEL_ETCD} \${FLANNEL_ETCD_KEY} \${FLANNEL_ETCD_CAFILE} \${FLANNEL_ETCD_CERTFILE} \${FLANNEL_ETCD_KEYFILE}
ExecStartPost=/opt/kubernetes/bin/mk-docker-opts.sh -d /run/flannel/docker
Type=notify
`,
    files: {
      '/opt/kubernetes/cfg/flannel': `FLANNEL_ETCD="-etcd-endpoints=https://192.168.56.110:2379,https://192.168.56.120:2379,https://192.168.56.130:2379"
FLANNEL_ETCD_KEY="-etcd-prefix=/kubernetes/network"
FLANNEL_ETCD_CAFILE="--etcd-cafile=/opt/kubernetes/ssl/ca.pem"
FLANNEL_ETCD_CERTFILE="--etcd-certfile=/opt/kubernetes/ssl/flanneld.pem"
FLANNEL_ETCD_KEYFILE="--etcd-keyfile=/opt/kubernetes/ssl/flanneld-key.pem"
`,
    },
    program: '/opt/kubernetes/bin/flanneld',
    etcd: {
      endpoints: ['https://192.168.56.110:2379', 'https://192.168.56.120:2379', 'https://192.168.56.130:2379'],
      prefix: '/kubernetes/network',
      caFile: '/opt/kubernetes/ssl/ca.pem',
      certFile: '/opt/kubernetes/ssl/flanneld.pem',
      keyFile: '/opt/kubernetes/ssl/flanneld-key.pem',
    },
    interfaces: [],
    masquerade: false,
    dockerd: '$DOCKER_OPTS',
    dockerOptions: BOTH_DOCKER_OPTIONS,
  },
  {
    name: 'flannel 0.11.0, endpoints and prefix in a file',
    unit: `[Service]
Type=notify
EnvironmentFile=/etc/sysconfig/flanneld.config
ExecStart=/usr/local/bin/flanneld \\
  -etcd-cafile=/etc/kubernetes/ssl/ca.pem \\
  -etcd-certfile=/etc/kubernetes/ssl/flanneld.pem \\
  -etcd-keyfile=/etc/kubernetes/ssl/flanneld-key.pem \\
  -etcd-endpoints=\${ETCD_ENDPOINTS} \\
  -etcd-prefix=\${FLANNEL_ETCD_PREFIX}
ExecStartPost=/usr/local/bin/mk-docker-opts.sh -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker
Restart=always
`,
    files: {
      '/etc/sysconfig/flanneld.config': `#Flanneld configuration options

# etcd url location
ETCD_ENDPOINTS="https://192.168.8.26:2379,https://192.168.8.31:2379,https://192.168.8.32:2379"

FLANNEL_ETCD_PREFIX="/kubernetes/network"
`,
    },
    program: '/usr/local/bin/flanneld',
    etcd: {
      endpoints: ['https://192.168.8.26:2379', 'https://192.168.8.31:2379', 'https://192.168.8.32:2379'],
      prefix: '/kubernetes/network',
      caFile: '/etc/kubernetes/ssl/ca.pem',
      certFile: '/etc/kubernetes/ssl/flanneld.pem',
      keyFile: '/etc/kubernetes/ssl/flanneld-key.pem',
    },
    interfaces: [],
    masquerade: false,
    dockerd: '$DOCKER_NETWORK_OPTIONS',
    dockerOptions: BOTH_DOCKER_OPTIONS,
  },
  {
    name: 'flannel 0.11.0 from a here-document, with masquerading',
    unit: hereDocument(`${HEREDOC} \\\\\n  -ip-masq${POST}`, HEREDOC_VARIABLES),
    files: {},
    program: '/opt/k8s/bin/flanneld',
    etcd: HEREDOC_ETCD,
    interfaces: ['ens192'],
    masquerade: true,
    dockerd: '$DOCKER_NETWORK_OPTIONS',
    dockerOptions: ['--bip=172.30.71.1/24', '--ip-masq=false', '--mtu=1450'],
  },
  {
    name: 'the package of CentOS 7, with its wrapper and a variable that holds several options',
    unit: `[Service]
Type=notify
EnvironmentFile=/etc/sysconfig/flanneld
EnvironmentFile=-/etc/sysconfig/docker-network
ExecStart=/usr/bin/flanneld-start \\
  -etcd-endpoints=\${FLANNEL_ETCD_ENDPOINTS} \\
  -etcd-prefix=\${FLANNEL_ETCD_PREFIX} \\
  $FLANNEL_OPTIONS
ExecStartPost=/usr/libexec/flannel/mk-docker-opts.sh -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker
Restart=on-failure
`,
    files: {
      '/etc/sysconfig/flanneld': `# Flanneld configuration options
FLANNEL_ETCD_ENDPOINTS="https://192.168.99.189:2379,https://192.168.99.185:2379,https://192.168.99.196:2379"
FLANNEL_ETCD_PREFIX="/kube-centos/network"

FLANNEL_OPTIONS="-etcd-cafile=/etc/kubernetes/ssl/ca.pem -etcd-certfile=/etc/kubernetes/ssl/kubernetes.pem -etcd-keyfile=/etc/kubernetes/ssl/kubernetes-key.pem"
`,
    },
    program: '/usr/bin/flanneld-start',
    etcd: {
      endpoints: ['https://192.168.99.189:2379', 'https://192.168.99.185:2379', 'https://192.168.99.196:2379'],
      prefix: '/kube-centos/network',
      caFile: '/etc/kubernetes/ssl/ca.pem',
      certFile: '/etc/kubernetes/ssl/kubernetes.pem',
      keyFile: '/etc/kubernetes/ssl/kubernetes-key.pem',
    },
    interfaces: [],
    masquerade: false,
    dockerd: '$DOCKER_NETWORK_OPTIONS',
    dockerOptions: BOTH_DOCKER_OPTIONS,
  },
];

/** Runs the helper with the words of ExecStartPost in a folder of its own; what docker's file then says. */
async function makeDockerFile(t: TestContext, argv: readonly string[], subnetFile: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-guides-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'subnet.env'), subnetFile);
  const words = argv.map((word) => (word === '/run/flannel/docker' ? join(folder, 'docker') : word));
  const host = { environment: {}, writeError: (text: string) => assert.fail(text), listRoutes: async () => [] };
  assert.equal(await runDockerOptionsScript(['-f', join(folder, 'subnet.env'), ...words], host), 0);
  return readFileSync(join(folder, 'docker'), 'utf8');
}

for (const guide of GUIDES) {
  suite(guide.name, () => {
    test('its unit starts the agent with what it says', () => {
      const lines = commandLines(guide.unit, 'ExecStart', guide.files);
      const [[program, ...argv] = []] = lines;
      assert.equal(lines.length, 1);
      assert.equal(program, guide.program);
      const command = parseAgentCommandLine(argv, {});
      const config = command.type === 'run' ? command.config : assert.fail(command.type);
      const { etcd, interfaces, traffic, subnetFile, kube, notes } = config;
      assert.deepEqual(etcd, { username: '', password: '', api: 'auto', ...guide.etcd });
      assert.deepEqual(interfaces, guide.interfaces);
      assert.equal(traffic.masquerade, guide.masquerade);
      assert.deepEqual([subnetFile, kube, notes], ['/run/flannel/subnet.env', undefined, []]);
    });

    test('the helper then tells docker', async (t) => {
      const [[program = '', ...argv] = []] = commandLines(guide.unit, 'ExecStartPost', guide.files);
      assert.match(program, /\/mk-docker-opts\.sh$/);
      const subnetFile = formatSubnetFile({
        ipv4: {
          network: parseIpv4Cidr('172.30.0.0/16') ?? assert.fail(),
          subnet: parseIpv4Cidr('172.30.71.0/24') ?? assert.fail(),
        },
        mtu: 1450,
        masquerade: guide.masquerade,
      });
      const text = await makeDockerFile(t, argv, subnetFile);
      const key = guide.dockerd.slice(1);
      const individual = ['BIP', 'IPMASQ', 'MTU'].map(
        (name, at) => `DOCKER_OPT_${name}="${guide.dockerOptions[at]}"\n`,
      );
      assert.equal(text, `${individual.join('')}${key}=" ${guide.dockerOptions.join(' ')}"\n`);
      assert.deepEqual(expandCommandLine(guide.dockerd, parseEnvironmentFile(text)), guide.dockerOptions);
    });
  });
}

test('a here-document that was typed into an editor is refused with the reason, where flannel would start without its flags', () => {
  const [[, ...argv] = []] = commandLines(HEREDOC, 'ExecStart', {});
  assert.deepEqual(argv, ['\\']);
  assert.throws(() => parseAgentCommandLine(argv, {}), {
    code: 'usage.flag',
    why: /after one backslash, not after two/,
  });
});

test('options that are commented out in the file leave empty words, and the others count', () => {
  const guide = GUIDES[1] ?? assert.fail();
  const [file = ''] = Object.values(guide.files);
  const files = { '/opt/kubernetes/cfg/flannel': file.replace('FLANNEL_ETCD_KEY=', '#') };
  const [[, ...argv] = []] = commandLines(guide.unit, 'ExecStart', files);
  assert.equal(argv[1], '');
  const command = parseAgentCommandLine(argv, {});
  assert.equal(command.type === 'run' && command.config.etcd.caFile, '/opt/kubernetes/ssl/ca.pem');
});

suite('systemd', () => {
  const environment = new Map([
    ['ONE', 'a'],
    ['MANY', `-x  -y='b c' "d"`],
  ]);
  for (const [line, words] of [
    ['p $MANY $NONE', ['p', '-x', '-y=b c', 'd']],
    [`p \${MANY} x\${ONE}y \${NONE}`, ['p', `-x  -y='b c' "d"`, 'xay', '']],
    ['p x$ONE $$ONE "quoted $ONE"', ['p', 'x$ONE', '$ONE', 'quoted $ONE']],
    [`p 'a b' c\\ d "e\\"f"`, ['p', 'a b', 'c d', 'e"f']],
  ] as const) {
    test(`${line} is ${JSON.stringify(words)}`, () => assert.deepEqual(expandCommandLine(line, environment), words));
  }

  test('joins lines that end with one backslash, and leaves out comments', () => {
    assert.deepEqual(parseUnit('[S]\n# A=1\nA=1 \\\n  2\nB=3 \\\\\nC=\n'), [
      ['A', '1    2'],
      ['B', '3 \\\\'],
      ['C', ''],
    ]);
  });

  test('a file of options that is missing stops the unit, unless the unit says otherwise', () => {
    assert.throws(() => commandLines('EnvironmentFile=/x\nExecStart=p', 'ExecStart', {}), /needs \/x/);
    assert.deepEqual(commandLines('EnvironmentFile=-/x\nExecStart=p', 'ExecStart', {}), [['p']]);
  });
});
