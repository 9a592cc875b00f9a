import assert from 'node:assert/strict';
import { test } from 'node:test';
import { iptablesObjections, nftObjections } from './objections.ts';

function table(name: string, ...lines: readonly string[]): string {
  return [`*${name}`, ...lines, 'COMMIT', ''].join('\n');
}

const FLANNEL = [
  table(
    'filter',
    ':FORWARD DROP [0:0]',
    ':FLANNEL-FWD - [0:0]',
    '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
    '-A FLANNEL-FWD -s 10.5.0.0/16 -j ACCEPT',
  ),
  table(
    'nat',
    ':POSTROUTING ACCEPT [0:0]',
    ':FLANNEL-POSTRTG - [0:0]',
    '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
    '-A FLANNEL-POSTRTG -s 10.5.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE',
  ),
].join('');

const DOCKER = [
  table(
    'nat',
    ':PREROUTING ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.5.1.2:80',
  ),
  table(
    'filter',
    ':FORWARD ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    ':DOCKER-USER - [0:0]',
    ':DOCKER-ISOLATION-STAGE-1 - [0:0]',
    ':DOCKER-ISOLATION-STAGE-2 - [0:0]',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A FORWARD -o docker0 -j DOCKER',
    '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
    '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
    '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
    '-A DOCKER-USER -j RETURN',
  ),
].join('');

test("weft's, flannel's, docker's and kube-proxy's own rules do not object", () => {
  const proxy = table(
    'filter',
    ':FORWARD ACCEPT [0:0]',
    ':KUBE-FORWARD - [0:0]',
    '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
  );
  for (const text of ['', FLANNEL, DOCKER, proxy]) assert.deepEqual(iptablesObjections(text), []);
});

const OBJECTING: readonly (readonly [what: string, text: string, words: RegExp])[] = [
  [
    "an operator's drop",
    table('filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -s 10.5.1.9/32 -j DROP'),
    /filter FORWARD has the rule -s 10\.5\.1\.9\/32 -j DROP/,
  ],
  ['a rule that only counts or logs', table('filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -j LOG'), /-j LOG/],
  [
    'a rule without a target',
    table('filter', ':FORWARD ACCEPT [0:0]', '-A FORWARD -s 10.0.0.0/8'),
    /-s 10\.0\.0\.0\/8/,
  ],
  [
    'a jump to a chain that is not known',
    table('filter', ':FORWARD ACCEPT [0:0]', ':mine - [0:0]', '-A FORWARD -j mine'),
    /-j mine/,
  ],
  [
    "a rule in docker's chain for operators",
    table(
      'filter',
      ':FORWARD ACCEPT [0:0]',
      ':DOCKER-USER - [0:0]',
      '-A FORWARD -j DOCKER-USER',
      '-A DOCKER-USER -s 192.0.2.0/24 -j DROP',
    ),
    /filter DOCKER-USER has the rule/,
  ],
  [
    "docker's drop of ports that are not published",
    table(
      'filter',
      ':FORWARD ACCEPT [0:0]',
      ':DOCKER - [0:0]',
      '-A FORWARD -o docker0 -j DOCKER',
      '-A DOCKER ! -i docker0 -o docker0 -j DROP',
    ),
    /filter DOCKER has the rule/,
  ],
  [
    "docker's own masquerading",
    table('nat', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -s 10.5.1.0/24 ! -o docker0 -j MASQUERADE'),
    /nat POSTROUTING has the rule/,
  ],
  [
    "the bridge plugin's masquerading",
    table('nat', ':POSTROUTING ACCEPT [0:0]', ':CNI-7c5a - [0:0]', '-A POSTROUTING -s 10.5.1.2/32 -j CNI-7c5a'),
    /-j CNI-7c5a/,
  ],
  [
    'a clamp of the segment size',
    table('mangle', ':FORWARD ACCEPT [0:0]', '-A FORWARD -p tcp -j TCPMSS --clamp-mss-to-pmtu'),
    /mangle FORWARD/,
  ],
  ['a policy that nobody lifts', table('filter', ':FORWARD DROP [0:0]'), /the policy of FORWARD is DROP/],
  [
    'Calico',
    table('filter', ':FORWARD ACCEPT [0:0]', ':cali-FORWARD - [0:0]', '-A FORWARD -j cali-FORWARD'),
    /network policies are in force \(Calico\)/,
  ],
  [
    'kube-router',
    table('filter', ':FORWARD ACCEPT [0:0]', ':KUBE-NWPLCY-DEFAULT - [0:0]'),
    /network policies are in force \(kube-router\)/,
  ],
  [
    'a table that iptables cannot show',
    "# Table `filter' is incompatible, use 'nft' tool.\n",
    /cannot show its table filter/,
  ],
];

for (const [what, text, words] of OBJECTING) {
  test(`${what} objects`, () => {
    assert.match(iptablesObjections(text).join('\n'), words);
  });
}

test('chains that lead to each other end the walk', () => {
  const loop = table(
    'filter',
    ':FORWARD ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    '-A FORWARD -j DOCKER',
    '-A DOCKER -j DOCKER-USER',
    ':DOCKER-USER - [0:0]',
    '-A DOCKER-USER -j DOCKER',
  );
  assert.deepEqual(iptablesObjections(loop), []);
});

test('of nftables, foreign chains on the way of forwarded packets object, and no others', () => {
  const chain = { family: 'inet', table: 'mine', name: 'f', hook: 'forward' };
  const quiet = [
    { ...chain, hook: 'input' },
    { ...chain, family: 'ip6' },
    { ...chain, family: 'ip', table: 'filter' },
    { ...chain, family: 'ip', table: 'flannel-ipv4' },
    { ...chain, family: 'ip', table: 'kube-proxy' },
  ];
  assert.deepEqual(nftObjections(quiet), []);
  const loud = [
    chain,
    { ...chain, family: 'bridge', table: 'filter' },
    { ...chain, family: 'netdev', hook: 'ingress' },
  ];
  assert.equal(nftObjections(loud).length, 3);
  assert.match(nftObjections([chain])[0] ?? '', /chain f of table inet mine at the forward hook/);
});
