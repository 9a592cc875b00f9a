import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfiguration } from '#cni/protocol/configuration.ts';
import { delegateConfiguration } from './delegate-configuration.ts';
import { flannelConfiguration } from './flannel-configuration.ts';
import { parseSubnetEnv } from './subnet-env.ts';

const V4 = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n';
const V6 = 'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:1::1/64\n';

function generate(config: object, lines = V4, masquerade = true): { readonly type: string; readonly text: string } {
  const parsed = parseConfiguration(JSON.stringify({ name: 'cni-flannel', type: 'flannel', ...config }));
  const env = parseSubnetEnv(`${lines}FLANNEL_MTU=1472\nFLANNEL_IPMASQ=${masquerade}\n`, 'f');
  return delegateConfiguration(parsed, flannelConfiguration(parsed), env);
}

function generated(config: object, lines = V4): Record<string, unknown> {
  return JSON.parse(generate(config, lines).text);
}

suite('the configuration of the default bridge, byte for byte, for', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'IPv4',
      V4,
      '{"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"cni-flannel","type":"bridge"}',
    ],
    [
      'IPv4 with two networks',
      V4.replace('/16', '/16,10.2.0.0/16'),
      '{"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"},{"dst":"10.2.0.0/16"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"cni-flannel","type":"bridge"}',
    ],
    [
      'IPv6',
      V6,
      '{"ipMasq":false,"ipam":{"ranges":[[{"subnet":"fc00:0:0:1::/64"}]],"routes":[{"dst":"fc00::/48"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"cni-flannel","type":"bridge"}',
    ],
    [
      'dual stack',
      V6 + V4,
      '{"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}],[{"subnet":"fc00:0:0:1::/64"}]],"routes":[{"dst":"10.1.0.0/16"},{"dst":"fc00::/48"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"cni-flannel","type":"bridge"}',
    ],
  ];
  for (const [name, lines, text] of cases) test(name, () => assert.equal(generate({}, lines).text, text));
});

suite('what is given is kept', () => {
  test('every member of delegate, also where flannel has a default', () => {
    const delegate = {
      hairpinMode: true,
      isDefaultGateway: true,
      mtu: 1400,
      ipMasq: true,
      isGateway: false,
      bridge: 'weft0',
    };
    const { name, type, ipam, ...rest } = generated({ delegate });
    assert.deepEqual([name, type, typeof ipam], ['cni-flannel', 'bridge', 'object']);
    assert.deepEqual(rest, delegate);
  });

  test('another type of delegate, which is no gateway by itself', () => {
    const { type, isGateway } = generated({ delegate: { type: 'ipvlan', master: 'eth0' } });
    assert.deepEqual([type, isGateway], ['ipvlan', undefined]);
    assert.equal(generate({ delegate: { type: 'ipvlan' } }).type, 'ipvlan');
  });

  test('the version, over that of delegate', () => {
    assert.equal(generated({ cniVersion: '0.4.0', delegate: { cniVersion: '0.3.0' } })['cniVersion'], '0.4.0');
    assert.equal(generated({ delegate: { cniVersion: '0.3.0' } })['cniVersion'], '0.3.0');
    assert.equal(generated({})['cniVersion'], undefined);
  });

  test('runtimeConfig', () => {
    assert.deepEqual(generated({ runtimeConfig: { mac: 'x' } })['runtimeConfig'], { mac: 'x' });
  });

  test('names in any case', () => {
    assert.equal(generated({ Delegate: { bridge: 'weft0' } })['bridge'], 'weft0');
  });

  test('but nothing that flannel does not know', () => {
    const config = {
      dns: { domain: 'a' },
      capabilities: { mac: true },
      prevResult: {},
      args: {},
      isDefaultGateway: true,
    };
    assert.deepEqual(Object.keys(generated(config)), ['ipMasq', 'ipam', 'isGateway', 'mtu', 'name', 'type']);
  });
});

test('the delegate masquerades when the agent does not', () => {
  assert.equal(JSON.parse(generate({}, V4, false).text).ipMasq, true);
});

suite('ipam', () => {
  const routes = [
    { dst: '1.2.3.4/24', gw: '1.2.3.1', other: 1 },
    { dst: '10.96.0.0/12', mtu: 1300 },
  ];

  test('another type with its parameters and routes, ours behind them, ranges set', () => {
    const ipam = { type: 'my-ipam', unknown_param: 'x', routes, ranges: [[{ subnet: '9.0.0.0/8' }]] };
    assert.deepEqual(generated({ ipam }, V4 + V6)['ipam'], {
      type: 'my-ipam',
      unknown_param: 'x',
      ranges: [[{ subnet: '10.1.17.0/24' }], [{ subnet: 'fc00:0:0:1::/64' }]],
      routes: [
        { dst: '1.2.3.4/24', gw: '1.2.3.1' },
        { dst: '10.96.0.0/12', mtu: 1300 },
        { dst: '10.1.0.0/16' },
        { dst: 'fc00::/48' },
      ],
    });
  });

  test('without a type it is host-local', () => {
    const { type, dataDir } = JSON.parse(JSON.stringify(generated({ ipam: { dataDir: '/x' } })['ipam']));
    assert.deepEqual([type, dataDir], ['host-local', '/x']);
  });

  for (const route of [{}, 7, { dst: 'x' }, { dst: '10.0.0.0' }, { dst: '10.0.0.0/8', gw: 'x' }]) {
    test(`a route that is ${JSON.stringify(route)} is refused`, () => {
      assert.throws(() => generate({ ipam: { routes: [route] } }), { code: 7, message: /of ipam/ });
    });
  }

  test('one of the wrong type is refused', () => {
    assert.throws(() => generate({ ipam: 'host-local' }), { code: 6, message: /ipam must be an object/ });
    assert.throws(() => generate({ ipam: { routes: {} } }), { code: 6, message: /routes must be a list/ });
  });
});

suite('a delegate that says what flannel says is refused', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ type: 7 }, "'delegate' dictionary, if present, must have (string) 'type' field"],
    [{ name: 'a' }, "'delegate' dictionary must not have 'name' field, it'll be set by flannel"],
    [{ ipam: {} }, "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel"],
    [{ type: 'flannel' }, "'delegate' dictionary must not have 'flannel' as 'type': it would call itself"],
  ];
  for (const [delegate, message] of cases) {
    test(JSON.stringify(delegate), () => assert.throws(() => generate({ delegate }), { code: 7, message }));
  }
});

test('subnet file and data folder have defaults', () => {
  const read = (config: object): object => {
    const { subnetFile, dataDir } = flannelConfiguration(parseConfiguration(JSON.stringify({ name: 'a', ...config })));
    return { subnetFile, dataDir };
  };
  assert.deepEqual(read({}), { subnetFile: '/run/flannel/subnet.env', dataDir: '/var/lib/cni/flannel' });
  assert.deepEqual(read({ subnetFile: '', dataDir: null }), read({}));
  assert.deepEqual(read({ subnetFile: '/a', dataDir: '/b' }), { subnetFile: '/a', dataDir: '/b' });
});
