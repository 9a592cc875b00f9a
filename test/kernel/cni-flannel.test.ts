/** The plugin flannel, started as a runtime starts it, with Debian's plugins as delegates. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { CniHost, ip, type JsonObject } from './cni-host.ts';

function addressOf(container: string): string | undefined {
  const devices: readonly {
    addr_info: readonly { local: string; prefixlen: number; family: string }[];
    mtu: number;
  }[] = JSON.parse(ip('-n', container, '-j', 'address', 'show', 'dev', 'eth0'));
  const found = devices.flatMap(({ addr_info }) => addr_info).find(({ family }) => family === 'inet');
  return found === undefined ? undefined : `${found.local}/${found.prefixlen}`;
}

suite('a container', () => {
  for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0']) {
    test(`gets its network and gives it back, in version ${cniVersion}`, async (t) => {
      const host = new CniHost(t);
      const netns = host.addContainer('a');
      const result = await host.mustCall('ADD', { netns, config: { cniVersion } });
      const { ip4, ips } = result;
      const address = JSON.stringify(cniVersion < '0.3.0' ? ip4 : ips);
      assert.equal(result['cniVersion'], cniVersion);
      assert.match(address, /10\.5\.17\.2\/24/);
      assert.equal(addressOf(netns), '10.5.17.2/24');
      assert.match(ip('-n', netns, 'route'), /default via 10\.5\.17\.1 dev eth0/);
      assert.match(ip('-n', netns, 'route'), /10\.5\.0\.0\/16 via 10\.5\.17\.1 dev eth0/);
      assert.match(ip('-n', netns, 'link', 'show', 'eth0'), /mtu 1450/);
      assert.match(ip('-n', host.name, 'address', 'show', 'cni0'), /inet 10\.5\.17\.1\/24/);
      const check = await host.call('CHECK', { netns, config: { cniVersion, prevResult: result } });
      // CHECK came with 0.4.0.
      assert.deepEqual([check.code, check.answer['code']], cniVersion < '0.4.0' ? [1, 1] : [0, undefined]);
      await host.mustCall('DEL', { netns, config: { cniVersion } });
      await host.mustCall('DEL', { netns, config: { cniVersion } });
      assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
    });
  }

  test('of a host with both families has both', async (t) => {
    const host = new CniHost(t);
    const lines = ['FLANNEL_NETWORK=10.5.0.0/16', 'FLANNEL_SUBNET=10.5.17.1/24', 'FLANNEL_IPV6_NETWORK=fd00:5::/48'];
    writeFileSync(
      host.subnetFile,
      [...lines, 'FLANNEL_IPV6_SUBNET=fd00:5:0:17::1/64', 'FLANNEL_MTU=1430', 'FLANNEL_IPMASQ=true', ''].join('\n'),
    );
    const netns = host.addContainer('a');
    const result = await host.mustCall('ADD', { netns });
    assert.match(JSON.stringify(result['ips']), /10\.5\.17\.2\/24.*fd00:5:0:17::2\/64/);
    await host.mustCall('CHECK', { netns, config: { prevResult: result } });
    await host.mustCall('DEL', { netns });
    assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
  });

  test('reaches another one by its address, and the ports that portmap publishes', async (t) => {
    const host = new CniHost(t);
    const [a, b] = [host.addContainer('a'), host.addContainer('b')];
    const first = await host.mustCall('ADD', { id: 'a', netns: a });
    await host.mustCall('ADD', { id: 'b', netns: b });
    execFileSync('nsenter', [`--net=/run/netns/${a}`, '--', 'ping', '-c1', '-W5', '10.5.17.3'], { stdio: 'ignore' });
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
    const config = { type: 'portmap', runtimeConfig: { portMappings }, prevResult: first };
    await host.mustCall('ADD', { id: 'a', netns: a, type: 'portmap', config });
    await host.mustCall('DEL', { id: 'a', netns: a, type: 'portmap', config });
  });

  test('whose namespace has vanished gives its address back', async (t) => {
    const host = new CniHost(t);
    const netns = host.addContainer('a');
    await host.mustCall('ADD', { netns });
    host.removeContainer(netns);
    await host.mustCall('DEL', { netns });
    assert.deepEqual([host.addresses(), host.states()], [[], []]);
  });
});

suite('CHECK finds', () => {
  const cases: readonly (readonly [string, (host: CniHost, netns: string) => void, RegExp])[] = [
    [
      'an interface that is gone',
      (_, netns) => void ip('-n', netns, 'link', 'delete', 'eth0'),
      /failed to delegate check/,
    ],
    [
      'an address that is gone',
      (_, netns) => void ip('-n', netns, 'address', 'flush', 'dev', 'eth0'),
      /failed to delegate check/,
    ],
    [
      'a route that is gone',
      (_, netns) => void ip('-n', netns, 'route', 'delete', '10.5.0.0/16'),
      /not found in routing table/,
    ],
    [
      'a reservation that is gone',
      (host) => rmSync(join(host.folder, 'addresses/cbr0/10.5.17.2')),
      /failed to delegate check/,
    ],
    ['another subnet', (host) => host.writeSubnet('10.5.18'), /the subnet of this host is 10.5.18.0\/24 now/],
  ];
  for (const [name, harm, words] of cases) {
    test(name, async (t) => {
      const host = new CniHost(t);
      const netns = host.addContainer('a');
      const prevResult = await host.mustCall('ADD', { netns });
      harm(host, netns);
      const { code, answer } = await host.call('CHECK', { netns, config: { prevResult } });
      assert.equal(code, 1);
      assert.match(String(answer['msg']), words);
    });
  }
});

suite('an ADD that fails is an error of CNI and, after DEL, leaves nothing', () => {
  const message = ({ msg, details }: JsonObject): string => `${msg}; ${details}`;

  test('a namespace that is gone', async (t) => {
    const host = new CniHost(t);
    const { code, answer } = await host.call('ADD', { netns: 'weft-no-such' });
    assert.deepEqual([code, answer['code']], [1, 4]);
    assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
  });

  test('an interface of that name', async (t) => {
    const host = new CniHost(t);
    const netns = host.addContainer('a');
    ip('-n', netns, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'other');
    const { code, answer } = await host.call('ADD', { netns });
    assert.equal(code, 1);
    assert.match(message(answer), /failed to delegate add: .*eth0.* already exists/);
    await host.mustCall('DEL', { netns });
    assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
  });

  test('a second ADD for a container', async (t) => {
    const host = new CniHost(t);
    const netns = host.addContainer('a');
    const both = await Promise.all([host.call('ADD', { netns }), host.call('ADD', { netns })]);
    assert.deepEqual(both.map(({ code }) => code).toSorted(), [0, 1]);
    await host.mustCall('DEL', { netns });
    assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
  });

  test('a range with no address left', async (t) => {
    const host = new CniHost(t);
    host.writeSubnet('10.5.17', 30);
    const [a, b] = [host.addContainer('a'), host.addContainer('b')];
    await host.mustCall('ADD', { id: 'a', netns: a });
    const { code, answer } = await host.call('ADD', { id: 'b', netns: b });
    assert.equal(code, 1);
    assert.match(message(answer), /no IP addresses available in range set/);
    await host.mustCall('DEL', { id: 'b', netns: b });
    await host.mustCall('DEL', { id: 'a', netns: a });
    assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
  });

  test('a bridge with the address of a former subnet', async (t) => {
    const host = new CniHost(t);
    ip('-n', host.name, 'link', 'add', 'cni0', 'type', 'bridge');
    ip('-n', host.name, 'address', 'add', '10.5.3.1/24', 'dev', 'cni0');
    const netns = host.addContainer('a');
    const { answer } = await host.call('ADD', { netns });
    assert.match(message(answer), /"cni0" already has an IP address different from 10\.5\.17\.1\/24/);
    await host.mustCall('DEL', { netns });
    assert.deepEqual([host.devices(), host.addresses(), host.states()], [[], [], []]);
  });

  test('a full disk: nothing half-written, and it works once there is room', async (t) => {
    const host = new CniHost(t);
    const state = join(host.folder, 'state');
    mkdirSync(state);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', state]);
    try {
      writeFileSync(join(state, 'ballast'), 'x'.repeat(8192));
      const netns = host.addContainer('a');
      const { code, answer } = await host.call('ADD', { netns });
      assert.deepEqual([code, answer['code']], [1, 5]);
      assert.match(message(answer), /failed to save the state of container c1: ENOSPC/);
      assert.deepEqual([host.devices(), host.addresses(), readdirSync(state)], [[], [], ['ballast']]);
      await host.mustCall('DEL', { netns });
      rmSync(join(state, 'ballast'));
      await host.mustCall('ADD', { netns });
      await host.mustCall('DEL', { netns });
      assert.deepEqual([host.devices(), host.addresses(), readdirSync(state)], [[], [], []]);
    } finally {
      execFileSync('umount', [state]);
    }
  });
});

test('Debian 12 has plugins of CNI 1.0: STATUS of 1.1 says that they are too old, GC gives back what is kept', async (t) => {
  const host = new CniHost(t);
  const netns = host.addContainer('a');
  await host.mustCall('ADD', { netns });
  const status = await host.call('STATUS', { config: { cniVersion: '1.1.0' } });
  assert.equal(status.answer['code'], 50);
  assert.match(String(status.answer['msg']), /plugin bridge does not speak CNI 1\.1\.0/);
  host.removeContainer(netns);
  await host.mustCall('GC', { config: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] } });
  assert.deepEqual([host.addresses(), host.states()], [[], []]);
});

test('VERSION is answered', async (t) => {
  const { supportedVersions } = await new CniHost(t).mustCall('VERSION', {});
  assert.deepEqual(supportedVersions, ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']);
});
