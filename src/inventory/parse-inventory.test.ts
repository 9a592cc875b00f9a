import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatIp } from '#model/ip.ts';
import { formatFinding } from './finding.ts';
import type { Inventory } from './inventory.ts';
import { parseInventory } from './parse-inventory.ts';

const GOOD = `version: 1
hosts:
  - { name: a, address: 10.0.0.1, roles: [etcd, agent, master] }
  - { name: b, address: 10.0.0.2, roles: [etcd, agent] }
  - { name: c, address: 10.0.0.3, roles: [etcd, agent] }
network:
  cidr: 172.30.0.0/16
`;

/** Problems and warnings as a person reads them. */
function findings(text: string): readonly string[] {
  const parsed = parseInventory(text);
  const problems = 'problems' in parsed ? parsed.problems : [];
  return [...problems, ...parsed.warnings].map((one) => formatFinding('f', one));
}

function inventory(text: string): Inventory {
  const parsed = parseInventory(text);
  assert('inventory' in parsed, findings(text).join('\n'));
  return parsed.inventory;
}

/** GOOD with a line of it replaced, or with more after it. */
function changed(from: string, to: string): string {
  assert(GOOD.includes(from));
  return GOOD.replace(from, to);
}
const more = (text: string): string => `${GOOD}${text}`;
const balanced = (text: string, network = ''): string =>
  `${GOOD.replace('roles: [etcd, agent] }', 'roles: [etcd, agent, loadbalancer] }').replace('roles: [etcd, agent] }', 'roles: [etcd, agent, loadbalancer] }')}${network}loadBalancer:\n${text}`;

test('a short inventory is whole: every default is there, for each host', () => {
  const fleet = inventory(GOOD);
  assert.equal(fleet.name, 'weft');
  assert.deepEqual(
    fleet.hosts.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  const [host] = fleet.hosts;
  assert.deepEqual(host?.ssh, { destination: '10.0.0.1', user: 'root', connectTimeoutSeconds: 10 });
  assert.equal(host?.paths.etcdData, '/var/lib/etcd');
  assert.equal(fleet.network.document, '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan"}}');
  assert.equal(fleet.network.config.ipv4?.subnetLength, 24);
  assert.equal(fleet.kubernetes.apiServer, 'https://10.0.0.1:6443');
  assert.equal(fleet.etcd.enableV2, false);
  assert.equal(fleet.system.firewall, 'open');
});

test('JSON does as well', () => {
  const text =
    '{"version":1,"hosts":[{"name":"a","address":"10.0.0.1","roles":["etcd","agent"]}],"network":{"cidr":"10.5.0.0/16"}}';
  assert.equal(inventory(text).hosts.length, 1);
});

test('what is said for one host goes before what is said for all', () => {
  const fleet = inventory(`version: 1
ssh: { user: admin, port: 2222, jump: bastion, config: ./ssh_config, identityFile: key }
hosts:
  - name: a
    address: 10.0.0.1
    roles: [etcd, agent]
    interface: eth1
    ssh: { name: alias, port: 22, user: root }
    paths: { etcdData: /ssd/etcd }
  - { name: b, address: 10.0.0.2, roles: [agent] }
network: { cidr: 172.30.0.0/16, interface: eth0 }
`);
  const [a, b] = fleet.hosts;
  assert.deepEqual(a?.ssh, {
    destination: 'alias',
    user: 'root',
    port: 22,
    jump: 'bastion',
    config: './ssh_config',
    identityFile: 'key',
    connectTimeoutSeconds: 10,
  });
  assert.equal(b?.ssh.port, 2222);
  assert.deepEqual([a?.interface, b?.interface], ['eth1', 'eth0']);
  assert.deepEqual([a?.paths.etcdData, a?.paths.etcdWal], ['/ssd/etcd', '/ssd/etcd/member/wal']);
  assert.equal(b?.paths.etcdWal, '/var/lib/etcd/member/wal');
});

test('dual stack, a reserved subnet and IPv6 endpoints are understood', () => {
  const fleet = inventory(`version: 1
hosts:
  - { name: a, address: 'fd00::1', secondAddress: 10.0.0.1, roles: [etcd, agent], subnet: 172.30.4.0/24, subnetIpv6: 'fd01:0:0:4::/64' }
network: { cidr: 172.30.0.0/16, ipv6Cidr: 'fd01::/48', backend: { type: vxlan, vni: 7, directRouting: true } }
`);
  assert.equal(
    fleet.network.document,
    '{"Network":"172.30.0.0/16","EnableIPv6":true,"IPv6Network":"fd01::/48","Backend":{"Type":"vxlan","VNI":7,"DirectRouting":true}}',
  );
  assert.deepEqual(fleet.etcd.endpoints, ['https://[fd00::1]:2379']);
  assert.equal(formatIp(fleet.hosts[0]?.subnet?.ipv6?.address ?? 0), 'fd01:0:0:4::');
  assert.equal(Object(fleet.system.sysctl)['net.ipv6.conf.all.forwarding'], '1');
});

test('a preshared key is no part of the document, and a file goes by its name', () => {
  const fleet = inventory(
    changed('  cidr: 172.30.0.0/16', '  cidr: 172.30.0.0/16\n  backend: { type: wireguard, presharedKeyFile: psk }'),
  );
  assert.deepEqual(fleet.network.presharedKey, { from: 'file', path: 'psk' });
  assert.doesNotMatch(fleet.network.document, /PSK/);
});

test('priorities of balancers are derived in the order of the hosts', () => {
  const fleet = inventory(balanced('  vip: 10.0.0.9\n'));
  assert.deepEqual(
    fleet.loadBalancer?.balancers.map(({ host, priority }) => [host.name, priority]),
    [
      ['b', 101],
      ['c', 99],
    ],
  );
  assert.equal(fleet.kubernetes.apiServer, 'https://10.0.0.9:8443');
});

test('everything wrong is said at once, in the order of the lines, also what values mean together', () => {
  assert.deepEqual(
    findings(`version: 1
hosts:
  - { name: a, address: 10.0.0.1, roles: [etcd, agnt] }
  - { name: a, address: 10.0.0.1, roles: [etcd, agent], adres: 1 }
network:
  cidr: 10.0.0.0/16
  subnetLen: 24
`),
    [
      'f:3:49: hosts[0].roles[1]: "agnt" is unknown: did you mean agent? (one of etcd, agent, kubectl, loadbalancer, docker, cni, master)',
      'f:4:7: hosts[1].name: the name a is taken by hosts[0].name (line 3)',
      'f:4:16: hosts[1].address: the address 10.0.0.1 is taken by hosts[0].address (line 3)',
      'f:4:57: hosts[1].adres: "adres" is unknown: did you mean address?',
      'f:6:3: network.cidr: 10.0.0.0/16 holds 10.0.0.1 of hosts[0].address (line 3): hosts would become unreachable',
      'f:6:3: network.cidr: 10.0.0.0/16 holds 10.0.0.1 of hosts[1].address (line 4): hosts would become unreachable',
      'f:7:3: network.subnetLen: "subnetLen" is unknown: did you mean subnetLength?',
    ],
  );
});

/** An inventory, and what must be said of it first. */
const WRONG: readonly (readonly [name: string, text: string, said: RegExp])[] = [
  ['nothing', '', /^f:1:1: there is nothing in it$/],
  ['a list', '- a', /^f:1:1: must be a map, not a list$/],
  [
    'no hosts',
    changed(GOOD.slice(GOOD.indexOf('hosts:'), GOOD.indexOf('network:')), 'hosts: []\n'),
    /hosts: needs at least 1/,
  ],
  [
    'another version',
    changed('version: 1', 'version: 2'),
    /^f:1:10: version: must be a whole number from 1 to 1, not 2/,
  ],
  ['a missing field', changed('name: a, ', ''), /^f:3:5: hosts\[0\]\.name: name is missing/],
  ['a key without a value', more('etcd:\n'), /etcd: has no value/],
  ['a key in another case', more('Drills: true\n'), /did you mean drills\?/],
  ['a key like none', more('zzzzzzzzzz: true\n'), /"zzzzzzzzzz" is unknown: known are version, /],
  [
    'a role twice',
    changed('[etcd, agent, master]', '[etcd, agent, etcd]'),
    /roles\[2\]: is there already, as hosts\[0\]\.roles\[0\]/,
  ],
  ['docker without agent', changed('[etcd, agent, master]', '[etcd, docker]'), /docker needs agent/],
  [
    'an alias that is a name',
    changed('name: b,', 'name: b, aliases: [a],'),
    /aliases\[0\]: the name a is taken by hosts\[0\]\.name/,
  ],
  [
    'a member name twice',
    changed('name: b,', 'name: b, etcdName: a,'),
    /etcdName: the member name a is taken by hosts\[0\]\.name/,
  ],
  ['a loopback address', changed('10.0.0.1', '127.0.0.1'), /address: is a loopback address/],
  ['a multicast address', changed('10.0.0.1', 'ff02::1'), /address: is a multicast address/],
  [
    'two of one family',
    changed('10.0.0.1,', '10.0.0.1, secondAddress: 10.0.0.8,'),
    /secondAddress: is of the same family/,
  ],
  ['no etcd', GOOD.replaceAll('etcd, ', ''), /no host has the role etcd/],
  ['no agent', GOOD.replaceAll('agent', 'kubectl'), /no host has the role agent/],
  ['a host of IPv6 alone', changed('10.0.0.1', 'fd00::1'), /hosts\[0\]: has no IPv4 address/],
  ['no network', changed('  cidr: 172.30.0.0/16', '  masquerade: true'), /network: needs cidr, ipv6Cidr or both/],
  [
    'a length without network',
    changed('cidr: 172.30.0.0/16', "ipv6Cidr: 'fd00:12::/48'\n  subnetLength: 24"),
    /subnetLength: needs cidr/,
  ],
  [
    'a subnet as long as the network',
    more('  subnetLength: 17\n'),
    /network\.subnetLength: 17 the network 172\.30\.0\.0\/16 must hold at least four subnets/,
  ],
  [
    'a network without room',
    changed('172.30.0.0/16', '172.30.0.0/28\n  subnetLength: 30\n  subnetMin: 172.30.0.12'),
    /subnetLength: there is one subnet for 3 hosts/,
  ],
  [
    'udp on IPv6',
    more("  ipv6Cidr: 'fd00:12::/48'\n  backend: { type: udp }\n"),
    /network\.ipv6Cidr: true the udp backend carries IPv4 only/,
  ],
  [
    'wireguard ports that clash',
    more("  ipv6Cidr: 'fd00:12::/48'\n  backend: { type: wireguard, listenPort: 51821 }\n"),
    /backend\.listenPortV6: 51821 must differ/,
  ],
  ['an unknown backend', more('  backend: { type: vxlam }\n'), /backend\.type: .*did you mean vxlan\?/],
  ['a backend without type', more('  backend: { port: 1 }\n'), /backend: needs type/],
  ['an option of another backend', more('  backend: { type: host-gw, vni: 1 }\n'), /"vni" is unknown/],
  [
    'a network of Services in that of Pods',
    more('kubernetes: { serviceCidr: 172.30.8.0/24 }\n'),
    /overlaps the network of Services/,
  ],
  [
    'hosts that are not where hosts are',
    more('  underlay: [10.0.1.0/24]\n'),
    /address: 10\.0\.0\.1 is in none of network\.underlay: 10\.0\.1\.0\/24/,
  ],
  [
    'Pods where hosts are',
    more('  underlay: [10.0.0.0/24, 172.16.0.0/12]\n'),
    /network\.cidr: 172\.30\.0\.0\/16 overlaps 172\.16\.0\.0\/12/,
  ],
  [
    'Services where hosts are',
    more('  underlay: [10.0.0.0/8]\n'),
    /serviceCidr: 10\.254\.0\.0\/16 overlaps the hosts' 10\.0\.0\.0\/8/,
  ],
  ['host bits', more('  underlay: [10.0.0.1/24]\n'), /underlay\[0\]: must be a network .* without host bits/],
  [
    'a reserved subnet of elsewhere',
    changed('name: b,', 'name: b, subnet: 10.9.0.0/24,'),
    /subnet: does not fit the network: it is outside/,
  ],
  [
    'a subnet reserved twice',
    GOOD.replace('name: b,', 'name: b, subnet: 172.30.9.0/24,').replace('name: c,', 'name: c, subnet: 172.30.9.0/24,'),
    /172\.30\.9\.0\/24 is reserved for hosts\[1\]\.subnet \(line 4\)/,
  ],
  [
    'an election before five heartbeats',
    more('etcd: { electionTimeoutMs: 1000 }\n'),
    /1000 is less than five heartbeats of 250 ms/,
  ],
  ['one port for all of etcd', more('etcd: { peerPort: 2379 }\n'), /peerPort: 2379 is clientPort too/],
  [
    'a Service address of elsewhere',
    more('kubernetes: { dnsAddress: 10.1.0.2 }\n'),
    /dnsAddress: 10\.1\.0\.2 is not in serviceCidr/,
  ],
  [
    'ports the wrong way round',
    more('kubernetes: { nodePorts: 32767-30000 }\n'),
    /nodePorts: 32767-30000 is no range of ports/,
  ],
  ['Services without room', more('kubernetes: { serviceCidr: 10.254.0.0/31 }\n'), /has no room/],
  [
    'a leaf that outlives its CA',
    more('certificates: { caValidityDays: 100 }\n'),
    /365 is more than the CA lives \(100\)/,
  ],
  ['a renewal before the issue', more('certificates: { renewBeforeDays: 365 }\n'), /renewBeforeDays: 365 is not less/],
  ['a bundle that is not named', more('sources: { etcd: { from: bundle } }\n'), /sources\.etcd: needs sources\.bundle/],
  [
    'a download that is not checked',
    more('sources: { etcd: { from: url, url: "https://x.org/e" } }\n'),
    /sha256 is missing/,
  ],
  [
    'one folder for data and log',
    more('paths: { etcdData: /d, etcdWal: /d }\n'),
    /^f:8:1: paths: etcdData and etcdWal are both \/d/,
  ],
  ['a path upwards', more('paths: { etcdData: /a/../b }\n'), /must be an absolute path/],
  [
    'no IPv6 with IPv6',
    more("  ipv6Cidr: 'fd00:12::/48'\nsystem: { sysctl: { disableIpv6: true } }\n"),
    /disableIpv6: and network\.ipv6Cidr exclude each other/,
  ],
  ['a time zone that is none', more('system: { time: { zone: Asia/Shangai } }\n'), /must be a time zone/],
  [
    'a balancer without a section',
    changed('[etcd, agent, master]', '[etcd, agent, loadbalancer]'),
    /loadbalancer needs the section loadBalancer/,
  ],
  ['a section without balancers', more('loadBalancer: { vip: 10.0.0.9 }\n'), /nobody would carry the VIP/],
  ['nothing behind the VIP', balanced('  vip: 10.0.0.9\n').replace(', master', ''), /there is nothing behind it/],
  ['a VIP that is a host', balanced('  vip: 10.0.0.2\n'), /10\.0\.0\.2 is the address of hosts\[1\]\.address/],
  ['a VIP in the Pod network', balanced('  vip: 172.30.0.9\n'), /vip: is in the Pod network/],
  [
    'a VIP of elsewhere',
    balanced('  vip: 10.7.0.9\n', '  underlay: [10.0.0.0/24]\n'),
    /vip: 10\.7\.0\.9 is in none of network\.underlay/,
  ],
  [
    'a VIP of another segment',
    balanced('  vip: 10.7.0.9\n', '  underlay: [10.0.0.0/24, 10.7.0.0/24]\n'),
    /is in 10\.7\.0\.0\/24, and 10\.0\.0\.2 of hosts\[1\] \(line 4\) is not/,
  ],
  ['a VIP of another family', balanced("  vip: 'fd00::9'\n"), /is of a family that hosts\[1\]/],
  [
    'one priority twice',
    balanced('  vip: 10.0.0.9\n').replace('name: c,', 'name: c, priority: 101,'),
    /priority: 101 is that of hosts\[1\]/,
  ],
  [
    'a weight that moves nothing',
    balanced('  vip: 10.0.0.9\n  check: { weight: -2 }\n'),
    /check\.weight: 101 -2 is not below 99: .* take -3 or less/,
  ],
  ['a port that is taken', balanced('  vip: 10.0.0.9\n  port: 2379\n'), /port: 2379 is taken on b by etcd\.clientPort/],
  [
    'a router id out of bounds',
    balanced('  vip: 10.0.0.9\n  routerId: 256\n'),
    /routerId: must be a whole number from 1 to 255, not 256/,
  ],
  [
    'a secret twice',
    balanced('  vip: 10.0.0.9\n  auth: abc\n  authFile: f\n'),
    /auth: and authFile exclude each other/,
  ],
];

suite('of an inventory is refused', () => {
  for (const [name, text, said] of WRONG) {
    test(name, () => {
      const parsed = parseInventory(text);
      assert('problems' in parsed, 'it was taken');
      assert(
        findings(text).some((one) => said.test(one)),
        findings(text).join('\n'),
      );
    });
  }
});

const DOUBTFUL: readonly (readonly [name: string, text: string, said: RegExp])[] = [
  [
    'two etcd members',
    changed('c, address: 10.0.0.3, roles: [etcd, agent]', 'c, address: 10.0.0.3, roles: [agent]'),
    /2 hosts have the role etcd: an even number bears no more failures than 1/,
  ],
  ['one etcd member', GOOD.replaceAll('roles: [etcd, agent] }', 'roles: [agent] }'), /one host has the role etcd/],
  ['one balancer', balanced('  vip: 10.0.0.9\n').replace(', loadbalancer', ''), /one host has the role loadbalancer/],
  ['a VIP that may be elsewhere', balanced('  vip: 10.7.0.9\n'), /may be outside the subnet/],
  [
    'a password in clear',
    balanced('  vip: 10.0.0.9\n  auth: secret1\n'),
    /loadBalancer\.auth: a secret in clear: .* authFile/,
  ],
  [
    'a token in clear',
    more(`kubernetes: { bootstrapToken: ${'a1'.repeat(16)} }\n`),
    /bootstrapToken: a secret in clear/,
  ],
  [
    'a member name of a host that is none',
    changed('roles: [etcd, agent] }\nnetwork', 'roles: [agent], etcdName: x }\nnetwork'),
    /etcdName: says nothing/,
  ],
  ['a priority of a host that is no balancer', changed('name: b,', 'name: b, priority: 7,'), /priority: says nothing/],
  [
    'no subnet left',
    changed('172.30.0.0/16', '172.30.0.0/24\n  subnetLength: 26'),
    /there are 3 subnets for 3 hosts: none is left/,
  ],
];

suite('a warning is given, and the inventory taken, for', () => {
  for (const [name, text, said] of DOUBTFUL) {
    test(name, () => {
      const parsed = parseInventory(text);
      assert('inventory' in parsed, findings(text).join('\n'));
      assert(
        findings(text).some((one) => one.includes('warning: ') && said.test(one)),
        findings(text).join('\n'),
      );
    });
  }
});

test('a secret is part of no message', () => {
  const text = balanced('  vip: 10.0.0.9\n  auth: not-a-password!\n');
  assert.doesNotMatch(findings(text).join('\n'), /not-a-password/);
  const key = more('  backend: { type: wireguard, presharedKey: c2VjcmV0 }\n');
  assert.doesNotMatch(findings(key).join('\n'), /c2VjcmV0/);
});

test('no text makes it fail: it is an inventory, or there is a problem with a place', () => {
  fc.assert(
    fc.property(fc.nat(GOOD.length), fc.nat(12), fc.string({ maxLength: 12 }), (at, cut, put) => {
      const text = `${GOOD.slice(0, at)}${put}${GOOD.slice(at + cut)}`;
      const parsed = parseInventory(text);
      if ('inventory' in parsed) return;
      assert(parsed.problems.length > 0);
      for (const { line, column } of parsed.problems) assert(line >= 1 && column >= 1);
    }),
    { numRuns: 1500 },
  );
});

test('a thousand hosts are read', () => {
  const hosts = Array.from(
    { length: 1000 },
    (_, i) => `  - { name: n${i}, address: 10.1.${i >> 8}.${i & 255}, roles: [agent${i < 3 ? ', etcd' : ''}] }`,
  );
  assert.equal(
    inventory(`version: 1\nhosts:\n${hosts.join('\n')}\nnetwork: { cidr: 172.16.0.0/12 }\n`).hosts.length,
    1000,
  );
});
