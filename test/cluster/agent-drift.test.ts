/** Damage to every kind of object that the fabric owns, on the real kernel: it is healed, and one line of the log says so. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { connectEtcd } from '#etcd/client.ts';
import { AgentHost, etcdFlags, eventually, PREFIX, type RunningAgent } from './agent-host.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}';
const MAC = '8a:1b:af:8c:b2:78';
const PEER = `{"PublicIP":"10.77.0.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${MAC}"}}`;

interface Site {
  readonly host: AgentHost;
  readonly agent: RunningAgent;
}

async function site(
  context: TestContext,
  document = NETWORK,
  setup: readonly string[] = [],
  ...flags: readonly string[]
): Promise<Site> {
  const host = new AgentHost(context);
  host.batch('route add default via 10.77.0.1 dev eth0', ...setup);
  const cluster = await host.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: document });
  await etcd.put({ key: `${PREFIX}/subnets/172.30.9.0-24`, value: PEER });
  const agent = host.start(context, ...etcdFlags(cluster), ...flags);
  await agent.ready();
  return { host, agent };
}

function inHost({ host }: Site, ...argv: readonly string[]): string {
  return execFileSync('ip', ['netns', 'exec', host.namespace, ...argv], { encoding: 'utf8' });
}

/** All that the fabric has in this kernel, as a text that is the same again when it is healed. */
function fabric(where: Site): string {
  const { host } = where;
  return [
    host.print('ip', '-d', 'link', 'show', 'flannel.1').replace(/^\d+/, ''),
    host.print('ip', '-4', '-o', 'addr', 'show', 'flannel.1').replace(/^\d+/, ''),
    host.print('ip', 'route', 'show', 'dev', 'flannel.1'),
    host.print('ip', 'neigh', 'show', 'dev', 'flannel.1', 'nud', 'permanent'),
    host.print('bridge', 'fdb', 'show', 'dev', 'flannel.1').split('\n').sort().join('\n'),
  ].join('\n');
}

function tryFabric(where: Site): string {
  try {
    return fabric(where);
  } catch {
    return 'there is no device';
  }
}

/** Does the damage and waits until all is as before, and until the log says what was repaired. */
async function heals(where: Site, damage: readonly string[], found: RegExp, by = /by=/): Promise<void> {
  const before = fabric(where);
  const from = where.agent.log().length;
  inHost(where, ...damage);
  await eventually(
    () => tryFabric(where),
    (now) => now === before,
    damage.join(' '),
  );
  const line = await logged(where, from, found);
  assert.match(line, by, line);
}

function logged({ agent }: Site, from: number, found: RegExp): Promise<string> {
  const lines = (): string | undefined =>
    agent
      .log()
      .slice(from)
      .split('\n')
      .find((text) => text.includes('msg="drift repaired"') && found.test(text));
  return eventually(lines, (line) => line !== undefined, `a line like ${found}`).then((line) => line ?? assert.fail());
}

test('each object on the device is healed, and the log says what was found, done and by whom', async (context) => {
  const where = await site(context);
  const dev = ['dev', 'flannel.1'];
  const who = /by="(ip|pid \d+) ?\(/;
  await heals(
    where,
    ['ip', 'route', 'del', '172.30.9.0/24'],
    /device=flannel\.1 found="route 172\.30\.9\.0\/24 missing" done="route 172\.30\.9\.0\/24 added"/,
    who,
  );
  await heals(
    where,
    ['ip', 'route', 'replace', '172.30.9.0/24', 'via', '172.30.9.7', ...dev, 'onlink'],
    /found="route 172\.30\.9\.0\/24 different"/,
    who,
  );
  await heals(
    where,
    ['ip', 'route', 'add', '172.30.77.0/24', 'via', '172.30.77.0', ...dev, 'onlink'],
    /found="route 172\.30\.77\.0\/24 unexpected" done="route 172\.30\.77\.0\/24 removed"/,
    who,
  );
  await heals(where, ['ip', 'neigh', 'del', '172.30.9.0', ...dev], /found="neighbor 172\.30\.9\.0 missing"/, who);
  await heals(
    where,
    ['bridge', 'fdb', 'del', MAC, ...dev, 'dst', '10.77.0.99'],
    /found="FDB entry 8a:1b:af:8c:b2:78 dst 10\.77\.0\.99 missing".* by=unknown/,
  );
  await heals(
    where,
    ['ip', 'link', 'set', 'flannel.1', 'mtu', '1300'],
    /found="MTU 1300 instead of 1450" done="MTU set"/,
  );
  await heals(
    where,
    ['ip', 'link', 'set', 'flannel.1', 'address', '02:00:00:00:00:77'],
    /found="MAC 02:00:00:00:00:77 instead of \S+, neighbor/,
  );
  await heals(where, ['ip', 'link', 'set', 'flannel.1', 'down'], /found="device down, /);
  await heals(
    where,
    ['ip', 'address', 'flush', ...dev],
    /found="address 172\.30\.\S+\/32 missing, .*route 172\.30\.9\.0\/24 missing/,
    who,
  );
  await heals(
    where,
    ['ip', 'link', 'del', 'flannel.1'],
    /found="device missing, .*route 172\.30\.9\.0\/24 missing" done="device made, /,
  );
});

test('forwarding that is switched off, for all or for the device alone, is switched on again', async (context) => {
  const where = await site(context);
  const value = (path: string): string => inHost(where, 'cat', `/proc/sys/net/ipv4/${path}`).trim();
  assert.deepEqual([value('ip_forward'), value('conf/flannel.1/forwarding')], ['1', '1']);
  assert.match(where.agent.log(), /msg="sysctl set" name=net\/ipv4\/ip_forward found=0 value=1/);
  for (const path of ['ip_forward', 'conf/flannel.1/forwarding', 'conf/eth0/forwarding']) {
    const from = where.agent.log().length;
    inHost(where, 'sh', '-c', `echo 0 >/proc/sys/net/ipv4/${path}`);
    await eventually(
      () => value(path),
      (now) => now === '1',
      path,
    );
    await logged(where, from, new RegExp(`found="net/ipv4/${path.replaceAll('.', '\\.')} is 0" .*by=unknown`));
  }
  assert.equal(inHost(where, 'cat', '/proc/sys/net/ipv6/conf/all/forwarding').trim(), '0');
});

test('in dual stack IPv6 forwarding is kept on too, and a default route that a router gave outlives it', async (context) => {
  const dual = NETWORK.replace('{', '{"EnableIPv6":true,"IPv6Network":"fd10::/48","IPv6SubnetLen":64,');
  const where = await site(context, dual, [
    'address add fd00:77::11/64 dev eth0 nodad',
    'route add default via fd00:77::1 dev eth0 proto ra metric 1024',
  ]);
  const value = (path: string): string => inHost(where, 'cat', `/proc/sys/net/ipv6/conf/${path}`).trim();
  assert.deepEqual(
    [value('all/forwarding'), value('eth0/accept_ra'), value('flannel-v6.1/accept_ra')],
    ['1', '2', '0'],
  );
  assert.match(where.agent.log(), /msg="sysctl set" name=net\/ipv6\/conf\/eth0\/accept_ra found=1 value=2 why=/);
  const from = where.agent.log().length;
  inHost(where, 'sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding');
  await eventually(
    () => value('all/forwarding'),
    (now) => now === '1',
    'IPv6 forwarding',
  );
  await logged(where, from, /found="net\/ipv6\/conf\/all\/forwarding is 0"/);
  assert.match(where.host.print('ip', '-6', 'route', 'show', 'default'), /via fd00:77::1/);
});

test('a setting that changes without an event is found by the sweep', async (context) => {
  const where = await site(context, NETWORK, [], '-sweep-seconds', '1');
  let line = '';
  // What is still settling after the start wakes the agent too, which finds it then.
  for (let attempt = 0; attempt < 10 && !line.includes('the sweep'); attempt += 1) {
    const from = where.agent.log().length;
    inHost(where, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/flannel.1/accept_ra');
    line = await logged(where, from, /found="net\/ipv6\/conf\/flannel\.1\/accept_ra is 1"/);
  }
  assert.match(line, /by="the sweep: no event announced it"/);
  assert.equal(inHost(where, 'cat', '/proc/sys/net/ipv6/conf/flannel.1/accept_ra').trim(), '0');
});

test('the underlay down and up, gone and back with the same address, and with another address', async (context) => {
  const where = await site(context);
  const { host, agent } = where;
  const before = fabric(where);
  host.batch('link set eth0 down');
  host.batch('link set eth0 up');
  await eventually(
    () => tryFabric(where),
    (now) => now === before,
    'down and up',
  );
  host.batch('link del eth0');
  await eventually(
    () => tryFabric(where),
    (now) => now === 'there is no device',
    'gone',
  );
  const from = agent.log().length;
  host.batch(
    'link add eth0 mtu 1500 type veth peer name eth0p',
    'link set eth0p up',
    'link set eth0 up',
    `address add ${host.address} dev eth0`,
  );
  await eventually(
    () => tryFabric(where),
    (now) => now === before,
    'back',
  );
  await eventually(
    () => agent.log().slice(from),
    (log) => /interface changed|drift repaired/.test(log),
    'a line of the log',
  );
  host.batch(`address del ${host.address} dev eth0`, 'address add 10.77.0.12/16 dev eth0');
  await eventually(
    () => tryFabric(where),
    (now) => now === before.replace('local 10.77.0.11', 'local 10.77.0.12'),
    'another address',
  );
  await agent.logged(/msg="interface changed".*10\.77\.0\.12/);
});

test('a flushed or deleted chain is written again, and the program that did it is named', async (context) => {
  const where = await site(context, NETWORK, [], '-ip-masq');
  const rules = (): string => inHost(where, 'iptables-save').replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
  const settled = /FLANNEL-FWD -s 172\.30\.0\.0\/16/;
  const before = await eventually(rules, (text) => settled.test(text) && text.includes('-j MASQUERADE'), 'rules');
  for (const [damage, found] of [
    ['iptables -t nat -F FLANNEL-POSTRTG', /chain nat\/FLANNEL-POSTRTG different/],
    ['iptables -D FORWARD 1', /jump to filter\/FLANNEL-FWD absent/],
    // At once: what is emptied first is written again before it can be deleted.
    [
      "printf '*filter\\n-F FORWARD\\n-F FLANNEL-FWD\\n-X FLANNEL-FWD\\nCOMMIT\\n' | iptables-restore --noflush",
      /chain filter\/FLANNEL-FWD absent/,
    ],
    ['nft flush ruleset', /chain nat\/FLANNEL-POSTRTG absent.*chain filter\/FLANNEL-FWD absent/],
  ] as const) {
    const from = where.agent.log().length;
    inHost(where, 'sh', '-c', damage);
    await eventually(rules, (text) => text === before, damage);
    const line = await logged(where, from, found);
    assert.match(line, /by="(iptables|nft)\S* \(pid \d+\)/, line);
  }
  // What docker does at each start: our rules stand in front of the policy.
  inHost(where, 'iptables', '-P', 'FORWARD', 'DROP');
  assert.match(rules(), /:FORWARD DROP[\s\S]*-A FORWARD .*-j FLANNEL-FWD/);
});

test('a flushed table of nftables is written again', async (context) => {
  const where = await site(context, NETWORK.replace('{', '{"EnableNFTables":true,'), [], '-ip-masq');
  const table = (): string => {
    try {
      return inHost(where, 'nft', 'list', 'table', 'ip', 'flannel-ipv4');
    } catch {
      return 'there is no table';
    }
  };
  const before = await eventually(table, (text) => /flannel-ipv4[\s\S]*masquerade/.test(text), 'the table');
  for (const damage of [
    ['flush', 'ruleset'],
    ['flush', 'chain', 'ip', 'flannel-ipv4', 'postrtg'],
  ]) {
    const from = where.agent.log().length;
    inHost(where, 'nft', ...damage);
    await eventually(table, (text) => text === before, damage.join(' '));
    assert.match(await logged(where, from, /table ip flannel-ipv4/), /by="nft \(pid \d+\)"/);
  }
});

test('a program that changes the same object again and again is named, and the rest is repaired at once', async (context) => {
  const where = await site(context);
  const { host, agent } = where;
  const repaired = (): number => [...agent.log().matchAll(/found="route 172\.30\.9\.0\/24 missing"/g)].length;
  for (let round = 1; round <= 11; round += 1) {
    host.batch('route del 172.30.9.0/24');
    await eventually(repaired, (count) => count === round, `repair ${round}`);
  }
  await agent.logged(/level=error msg=fight object="route 172\.30\.9\.0\/24" by=.*remedy=/);
  host.batch('route del 172.30.9.0/24');
  const from = agent.log().length;
  host.batch('neigh del 172.30.9.0 dev flannel.1');
  await logged(where, from, /neighbor 172\.30\.9\.0 missing/);
  await eventually(repaired, (count) => count === 12, 'the object of the fight, later');
});
