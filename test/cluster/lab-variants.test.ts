/** One lab for each backend and for each way to have the network: a full matrix, and the line that tells it from the others. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LAB_PREFIX } from '#lab/plan.ts';
import type { LabSnapshot } from '#lab/snapshot.ts';
import { lostCells, type TestLab, testLab } from './lab-fixture.ts';

const HOSTS = 3;
const PAIRS = HOSTS * (HOSTS - 1);

interface Variant {
  readonly lab: TestLab;
  readonly snapshot: LabSnapshot;
  /** What a command on host1 prints; it has to succeed. */
  readonly print: (...command: readonly string[]) => Promise<string>;
}

/** A lab with these flags, all Pods of which reach each other in all their families. */
async function variant(context: TestContext, ...flags: readonly string[]): Promise<Variant> {
  const lab = testLab(context);
  const snapshot = await lab.up(...flags);
  const matrices = [snapshot.matrix, snapshot.matrixIpv6].filter((matrix) => matrix !== undefined);
  assert.equal(matrices.length, snapshot.podNetworks.length);
  for (const { cells } of matrices) assert.equal(cells.flat().filter((cell) => typeof cell === 'number').length, PAIRS);
  return {
    lab,
    snapshot,
    async print(...command) {
      const output = await lab.weft('exec', 'host1', '--', ...command);
      assert.equal(output.code, 0, output.stderr);
      return output.stdout;
    },
  };
}

/** Nothing of the lab is left after `down`. */
async function endsWithNothing(lab: TestLab): Promise<void> {
  assert.equal((await lab.weft('down')).code, 0);
  assert.deepEqual(lab.leftovers(), []);
}

function peersOf(snapshot: LabSnapshot): readonly LabSnapshot['hosts'][number][] {
  return snapshot.hosts.slice(1);
}

/** The routes that lead to other hosts' Pods, in the order of the text. */
function routes(text: string, word: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes(word))
    .sort();
}

test('host-gw: each peer is the gateway to its Pods, and there is no device', async (context) => {
  const { snapshot, print } = await variant(context, '--backend', 'host-gw');
  const expected = peersOf(snapshot).map(({ lease, address }) => `${lease} via ${address} dev eth0`);
  assert.deepEqual(routes(await print('ip', 'route'), ' via '), expected.sort());
  assert.doesNotMatch(await print('ip', '-o', 'link'), /flannel/);
  assert(snapshot.hosts.every(({ deviceMac }) => deviceMac === undefined));
});

test('udp: all Pods are behind flannel0, which goes and comes with the agent', async (context) => {
  const { lab, snapshot, print } = await variant(context, '--backend', 'udp');
  assert.match(await print('ip', 'route'), /^172\.30\.0\.0\/16 dev flannel0 *$/m);
  assert.match(await print('ip', '-o', 'link', 'show', 'cni0'), / mtu 1472 /);

  assert.equal((await lab.weft('kill-agent', 'host1')).code, 0);
  const broken = await lab.weft('status', '--ping');
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /flannel0 went with it: pod1 reaches nobody until weft lab start-agent host1/);
  assert.equal((await lab.weft('start-agent', 'host1')).code, 0);
  const mended: LabSnapshot = JSON.parse((await lab.weft('status', '--ping', '-o', 'json')).stdout);
  assert.equal(lostCells(mended), 0);
  assert.equal(mended.hosts[0]?.lease, snapshot.hosts[0]?.lease);
});

test('wireguard, dual stack: all Pods are behind the encrypting devices, whose processes end with the lab', async (context) => {
  const { lab, print } = await variant(context, '--backend', 'wireguard', '--dual-stack');
  assert.match(await print('ip', 'route'), /^172\.30\.0\.0\/16 dev flannel-wg scope link *$/m);
  assert.match(await print('ip', '-6', 'route'), /^fd30::\/56 dev flannel-wg-v6 /m);
  assert.match(await print('etcdctl', 'get', '--prefix', `${LAB_PREFIX}/subnets/`), /"BackendData":\{"PublicKey":"/);
  await endsWithNothing(lab);
});

test('alloc: the agents lease only, and the switch routes', async (context) => {
  const { lab, snapshot, print } = await variant(context, '--backend', 'alloc');
  assert.match(await print('ip', 'route'), /^172\.30\.0\.0\/16 via 10\.\d+\.255\.254 dev eth0 *$/m);
  const atSwitch = await lab.weft('exec', 'switch', '--', 'ip', 'route');
  const expected = snapshot.hosts.map(({ lease, address }) => `${lease} via ${address} dev br0`);
  assert.deepEqual(routes(atSwitch.stdout, ' via '), expected.sort());
  assert.equal((await lab.weft('add-host', '--quiet')).code, 0);
});

test('ipip comes up where the kernel has it, and is refused with the reason where it has not', async (context) => {
  const lab = testLab(context);
  const output = await lab.weft('up', '--backend', 'ipip', '-o', 'json');
  if (output.code === 0) {
    assert.equal(lostCells(JSON.parse(output.stdout)), 0);
    return;
  }
  assert.equal(output.code, 1);
  const { error } = JSON.parse(output.stderr);
  assert.deepEqual([error.code, error.why], ['kernel.device-kind', 'Error: Unknown device type.']);
  assert.match(error.message, /this kernel has no IPIP/);
  assert.deepEqual(lab.leftovers(), []);
});

test('direct routing: vxlan hosts of one segment are routed to', async (context) => {
  const { snapshot, print } = await variant(context, '--direct-routing');
  const expected = peersOf(snapshot).map(({ lease, address }) => `${lease} via ${address} dev eth0`);
  assert.deepEqual(routes(await print('ip', 'route'), ' via '), expected.sort());
  assert.match(await print('ip', '-o', 'link'), /flannel\.1/);
});

test('etcd v2: configuration and leases are keys of the v2 API, which etcdctl and weft use on the hosts', async (context) => {
  const { snapshot, print } = await variant(context, '--etcd-api', 'v2');
  const keys = snapshot.hosts.map(({ lease }) => `${LAB_PREFIX}/subnets/${lease?.replace('/', '-')}`).sort();
  assert.deepEqual((await print('etcdctl', 'ls', '--sort', `${LAB_PREFIX}/subnets`)).trim().split('\n'), keys);
  assert.equal(
    (await print('etcdctl', 'get', `${LAB_PREFIX}/config`)).trim(),
    '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan"}}',
  );
  assert.match(await print('etcdctl', 'get', keys[0] ?? ''), /^\{"PublicIP":"10\.[\d.]+",.*"VtepMAC":"/);
  const listed = await print('weft', 'lease', 'list');
  for (const { lease } of snapshot.hosts) assert(listed.includes(lease ?? 'none'));
});

test('dual stack: a route of each family per peer, and keys that name both subnets', async (context) => {
  const { snapshot, print } = await variant(context, '--dual-stack');
  const onlink = (lease: string | undefined): string => `${lease} via ${lease?.replace(/\/.*/, '')} dev flannel`;
  const expected4 = peersOf(snapshot).map(({ lease }) => `${onlink(lease)}.1 onlink`);
  assert.deepEqual(routes(await print('ip', 'route'), ' via '), expected4.sort());
  const expected6 = peersOf(snapshot).map(
    ({ leaseIpv6 }) => `${onlink(leaseIpv6)}-v6.1 metric 1024 onlink pref medium`,
  );
  assert.deepEqual(routes(await print('ip', '-6', 'route'), ' via '), expected6.sort());
  const keys = await print('etcdctl', 'get', '--prefix', '--keys-only', `${LAB_PREFIX}/subnets/`);
  for (const { lease, leaseIpv6 } of snapshot.hosts) {
    assert(keys.includes(`/${lease?.replace('/', '-')}&${leaseIpv6?.replace('/', '-')}\n`), keys);
  }
});

test('IPv6 alone, routed by the hosts: no Pod has an IPv4 address', async (context) => {
  const { snapshot, print } = await variant(context, '--ipv6-only', '--backend', 'host-gw');
  assert(snapshot.hosts.every(({ lease, pod }) => lease === undefined && pod.address === undefined));
  const expected = peersOf(snapshot).map(
    ({ leaseIpv6, addressIpv6 }) => `${leaseIpv6} via ${addressIpv6} dev eth0 metric 1024 pref medium`,
  );
  assert.deepEqual(routes(await print('ip', '-6', 'route'), ' via '), expected.sort());
  assert.doesNotMatch(await print('ip', 'route'), /172\.30\./);
});

test('nftables: the rules are in tables of their own, and iptables has none', async (context) => {
  const { snapshot, print } = await variant(context, '--nftables', '--ip-masq');
  const [lease] = snapshot.hosts.map((host) => host.lease);
  const rules = await print('nft', 'list', 'ruleset');
  assert.match(rules, /^table ip flannel-ipv4 \{$/m);
  assert(rules.includes(`ip saddr ${lease} ip daddr 172.30.0.0/16 return`), rules);
  assert.doesNotMatch(await print('iptables-save'), /FLANNEL/);
});

/** What flannel 0.28.9 leaves in iptables-save, as recorded; SUBNET is the host's own. */
const RECORDED_RULES = `
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d 172.30.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s SUBNET -d 172.30.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.0.0/16 -d SUBNET -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 172.30.0.0/16 -d SUBNET -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 172.30.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 172.30.0.0/16 -d 172.30.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
`.trimStart();

test('iptables-save on a host is what flannel 0.28.9 leaves, apart from addresses', async (context) => {
  const { snapshot, print } = await variant(context, '--ip-masq');
  const lease = snapshot.hosts[0]?.lease ?? assert.fail('host1 has no lease');
  const rules = (await print('iptables-save')).replaceAll(/^#.*\n/gm, '').replaceAll(lease, 'SUBNET');
  assert.equal(tableOf(rules, 'filter') + tableOf(rules, 'nat'), RECORDED_RULES);
});

/** One table of an iptables-save; the tool writes them in no certain order. */
function tableOf(rules: string, table: string): string {
  return new RegExp(`^\\*${table}\\n.*?^COMMIT\\n`, 'ms').exec(rules)?.[0] ?? '';
}

test('Pods that the CNI plugin attaches reach each other in both families, and go with the lab', async (context) => {
  const { lab, print } = await variant(context, '--dual-stack', '--pods', 'cni');
  assert.match(await print('ip', '-br', 'link', 'show', 'master', 'cni0'), /^veth[0-9a-f]{8}@/);
  await endsWithNothing(lab);
});
