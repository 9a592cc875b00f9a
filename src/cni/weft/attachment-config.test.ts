import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SubnetEnv } from '#cni/flannel/subnet-env.ts';
import { parseConfiguration } from '#cni/protocol/configuration.ts';
import { formatRangeSet } from './address-range.ts';
import { type AttachmentPlan, attachmentPlan, networkPlaces } from './attachment-config.ts';

const LEASE: SubnetEnv = {
  networks: ['10.5.0.0/16'],
  subnet: '10.5.1.0/24',
  ipv6Networks: ['fd00:5::/48'],
  ipv6Subnet: 'fd00:5:1::/64',
  mtu: 1450,
  masquerade: true,
};

function plan(config: object = {}, lease = LEASE): AttachmentPlan {
  return attachmentPlan(parseConfiguration(JSON.stringify({ name: 'net', type: 'weft', ...config })), lease);
}

suite('what is not said', () => {
  test('follows from the lease, as the plugin flannel with its usual list has it', () => {
    const { rangeSets, routes, ...rest } = plan();
    assert.deepEqual(rangeSets.map(formatRangeSet), [
      '10.5.1.1-10.5.1.254',
      'fd00:5:1::1-fd00:5:1:0:ffff:ffff:ffff:ffff',
    ]);
    assert.deepEqual(
      routes.map(({ written }) => written),
      [{ dst: '10.5.0.0/16' }, { dst: 'fd00:5::/48' }],
    );
    assert.deepEqual(rest, {
      mode: 'bridge',
      bridge: 'cni0',
      mtu: 1450,
      hairpin: true,
      isGateway: true,
      isDefaultGateway: true,
      masquerade: false,
      portMappings: [],
      dns: { nameservers: [], domain: '', search: [], options: [] },
    });
  });

  test('is masqueraded here when the agent does not masquerade', () => {
    assert.equal(plan({}, { ...LEASE, masquerade: false }).masquerade, true);
    assert.equal(plan({ ipMasq: false }, { ...LEASE, masquerade: false }).masquerade, false);
  });

  test('is where host-local and we have our files', () => {
    const places = networkPlaces(parseConfiguration('{"name":"net"}'));
    assert.deepEqual(places, {
      name: 'net',
      addresses: '/var/lib/cni/networks/net',
      records: '/var/lib/cni/weft/net',
      subnetFile: undefined,
    });
  });
});

test('what is said counts, whatever the case of its name', () => {
  const said = plan({
    BRIDGE: 'br7',
    mtu: 1400,
    hairpinMode: false,
    isDefaultGateway: false,
    isgateway: false,
    dns: { nameservers: ['10.0.0.53'], domain: 'example' },
    ipam: { ranges: [[{ subnet: '10.7.0.0/24' }]], routes: [{ dst: '192.0.2.0/24', gw: '10.7.0.9' }] },
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'TCP' }, { hostPort: 0 }] },
  });
  assert.deepEqual(
    [said.bridge, said.mtu, said.hairpin, said.isGateway, said.dns.domain, said.rangeSets.map(formatRangeSet)],
    ['br7', 1400, false, false, 'example', ['10.7.0.1-10.7.0.254']],
  );
  assert.deepEqual(said.routes[0]?.written, { dst: '192.0.2.0/24', gw: '10.7.0.9' });
  assert.deepEqual(said.portMappings, [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIp: undefined }]);
});

for (const [config, code, message] of [
  [{ mode: 'macvlan' }, 2, /no mode: "macvlan"/],
  [{ mode: 'ptp', bridge: 'cni0' }, 7, /mode ptp has no bridge, but bridge is given/],
  [{ mode: 'ptp', hairpinMode: true }, 7, /mode ptp has no bridge, but hairpinMode is given/],
  [{ ipam: { type: 'dhcp' } }, 2, /no ipam\.type: "dhcp"/],
  [{ vlan: 7 }, 2, /no vlan: 7/],
  [{ promiscMode: true }, 2, /no promiscmode: true/],
  [{ snat: true }, 2, /no snat/],
  [{ ipam: { resolvConf: '/etc/resolv.conf' } }, 2, /no ipam\.resolvconf/],
  [{ runtimeConfig: { bandwidth: { ingressRate: 1 } } }, 2, /no runtimeConfig\.bandwidth/],
  [{ ipam: { routes: [{ dst: '10.0.0.0/8', mtu: 1400 }] } }, 2, /ipam\.routes\.mtu/],
  [{ hairpinMode: 'yes' }, 6, /hairpinMode must be true or false/],
  [{ mtu: 70000 }, 6, /mtu must be a number/],
  [{ bridge: 'a/b' }, 7, /bridge "a\/b" is no name/],
  [{ ipam: { routes: [{ dst: 'all' }] } }, 7, /invalid CIDR address: all/],
  [{ ipam: { routes: [{ dst: '10.0.0.0/8', gw: 'fd00::1' }] } }, 7, /gw fd00::1 is no address of the family/],
  [{ ipam: { routes: ['10.0.0.0/8'] } }, 7, /a route of ipam\.routes is no JSON object/],
  [{ runtimeConfig: { portMappings: [{ hostPort: 70000 }] } }, 7, /hostPort 70000, which is no port/],
  [{ runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 0 }] } }, 7, /containerPort 0/],
  [{ runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 80, protocol: 'icmp' }] } }, 7, /protocol icmp/],
  [{ runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 80, hostIP: 'here' }] } }, 7, /hostIP here/],
] as const) {
  test(`is refused with code ${code}: ${JSON.stringify(config)}`, () => {
    assert.throws(() => plan(config), { code, message });
  });
}

test('members that say nothing are no reason to refuse', () => {
  assert.equal(plan({ vlan: 0, promiscMode: false, runtimeConfig: { ipRanges: [], bandwidth: {} } }).bridge, 'cni0');
});
