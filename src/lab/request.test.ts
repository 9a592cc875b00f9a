import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { formatCidr } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import { type LabRequest, shapeLab } from './request.ts';
import type { TakenNetwork } from './surroundings.ts';

const taken = (text: string, owner: string): TakenNetwork => ({
  network: parseIpv4Cidr(text) ?? assert.fail(text),
  owner,
});
const REQUEST: LabRequest = { name: 'blue', hosts: 3 };

function refusal(request: LabRequest, others: readonly TakenNetwork[] = []): Fault {
  try {
    shapeLab(request, others);
  } catch (error) {
    assert(error instanceof Fault);
    return error;
  }
  assert.fail('it was not refused');
}

test('without a word about networks the lab gets the first free subnet and the usual Pod network', () => {
  const shape = shapeLab(REQUEST, [taken('192.0.2.2/24', "this machine's eth0")]);
  assert.equal(formatIpv4Cidr(shape.subnet), '10.77.0.0/16');
  assert.deepEqual(shape.podNetworks.map(formatCidr), ['172.30.0.0/16']);
  assert.equal(shape.backend, 'vxlan');
  assert.equal(shape.document, '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan"}}');
  assert.deepEqual([shape.etcdApi, shape.masquerade], ['v3', false]);
});

test('the subnet keeps clear of other labs, of this machine and of the Pods', () => {
  const others = [taken('10.77.0.0/16', 'the lab red'), taken('10.78.3.4/24', "this machine's eth1")];
  const shape = shapeLab({ ...REQUEST, network: '10.79.0.0/16' }, others);
  assert.equal(formatIpv4Cidr(shape.subnet), '10.80.0.0/16');
});

test('when everything is taken it says so', () => {
  assert.match(refusal(REQUEST, [taken('10.0.0.0/8', "this machine's eth0")]).message, /no free subnet/);
});

test('each wrong argument is refused with its value', () => {
  const others = [taken('192.0.2.2/24', "this machine's eth0")];
  const table: readonly (readonly [Partial<LabRequest>, RegExp])[] = [
    [{ hosts: 2 }, /--hosts 2 is not a number from 3 to 50/],
    [{ hosts: 51 }, /--hosts 51/],
    [{ hosts: Number.NaN }, /--hosts NaN/],
    [{ name: 'Blue' }, /--name "Blue"/],
    [{ name: '../x' }, /--name/],
    [{ name: 'a'.repeat(33) }, /--name/],
    [{ subnet: '10.77' }, /--subnet "10.77" is not an IPv4 network/],
    [{ subnet: '10.77.0.0/27', hosts: 20 }, /room for 19 hosts, not for 20/],
    [{ subnet: '172.30.128.0/17' }, /overlaps the Pod network 172.30.0.0\/16/],
    [{ subnet: '192.0.0.0/16' }, /192.0.0.0\/16 overlaps 192.0.2.0\/24 of this machine's eth0/],
    [{ network: 'x' }, /--network "x" is not an IPv4 network/],
    [
      { document: '{"Network":"172.30.0.0/16"}', network: '172.31.0.0/16' },
      /--config says everything about the network: --network may not go with it/,
    ],
    [
      { document: '{"Network":"172.30.0.0/16"}', backend: 'udp', nftables: true, dualStack: false },
      /: --backend and --nftables may not go with it/,
    ],
    [{ dualStack: true, ipv6Only: true }, /--dual-stack and --ipv6-only exclude each other/],
    [{ backend: 'udp', directRouting: true }, /--direct-routing goes with --backend vxlan: udp has no such option/],
    [{ backend: 'udp', dualStack: true }, /--backend udp carries IPv4 only/],
    [{ backend: 'ipip', ipv6Only: true }, /--backend ipip carries IPv4 only/],
    [{ ipv6Only: true, network: '172.31.0.0/16' }, /--network "172.31.0.0\/16" is not an IPv6 network like fd30::/],
    [{ ipv6Only: true, network: 'fd77::/60' }, /network fd77::\/64 overlaps the Pod network fd77::\/60/],
  ];
  for (const [change, message] of table) {
    const fault = refusal({ ...REQUEST, ...change }, others);
    assert.equal(fault.code, 'usage.flag');
    assert.match(fault.message, message);
  }
});

test('all that is wrong is said at once', () => {
  assert.match(refusal({ name: 'X', hosts: 1, subnet: 'y' }).message, /--name.*--hosts.*--subnet/);
});

test('a document that is not valid is refused with its problems', () => {
  for (const [document, message] of [
    ['{"Network":"172.30.0.0/16","SubnetLen":40}', /SubnetLen/],
    ['{"Network":"172.30.0.0/22","SubnetLen":24,"SubnetMax":"172.30.2.0"}', /there are 2 subnets for 3 hosts/],
    [
      '{"Network":"172.30.0.0/16","EnableIPv6":true,"IPv6Network":"fd30::/56","IPv6SubnetMax":"fd30:0:0:2::"}',
      /there are 2 subnets for 3 hosts/,
    ],
    ['nonsense', /not valid JSON/],
  ] as const) {
    const fault = refusal({ ...REQUEST, document });
    assert.equal(fault.code, 'network.invalid');
    assert.match(fault.message, message);
  }
});

test('a document of one’s own decides about the Pods', () => {
  const document = '{"Network":"172.28.0.0/16","SubnetLen":26,"Backend":{"Type":"VXLAN","VNI":7}}';
  const shape = shapeLab({ ...REQUEST, document }, []);
  assert.deepEqual(shape.podNetworks.map(formatCidr), ['172.28.0.0/16']);
  assert.equal(shape.backend, 'vxlan');
  assert.equal(shape.document, document);
});

test('flags of the network become its document', () => {
  const table: readonly (readonly [Partial<LabRequest>, string])[] = [
    [{ backend: 'host-gw' }, '{"Network":"172.30.0.0/16","Backend":{"Type":"host-gw"}}'],
    [{ directRouting: true }, '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan","DirectRouting":true}}'],
    [
      { dualStack: true, nftables: true },
      '{"Network":"172.30.0.0/16","EnableIPv6":true,"IPv6Network":"fd30::/56","EnableNFTables":true,"Backend":{"Type":"vxlan"}}',
    ],
    [
      { ipv6Only: true, backend: 'wireguard', network: 'fd31::7/48' },
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd31::/48","Backend":{"Type":"wireguard"}}',
    ],
  ];
  for (const [change, document] of table) assert.equal(shapeLab({ ...REQUEST, ...change }, []).document, document);
  assert.deepEqual(shapeLab({ ...REQUEST, ipv6Only: true }, []).podNetworks.map(formatCidr), ['fd30::/56']);
  assert.deepEqual([shapeLab(REQUEST, []).pods, shapeLab({ ...REQUEST, pods: 'cni' }, []).pods], ['namespace', 'cni']);
  const { etcdApi, masquerade } = shapeLab({ ...REQUEST, etcdApi: 'v2', masquerade: true }, []);
  assert.deepEqual([etcdApi, masquerade], ['v2', true]);
});

test('where Pods are containers of docker the agents masquerade, since docker would hide hosts from each other', () => {
  const shape = shapeLab({ ...REQUEST, pods: 'docker' }, []);
  assert.deepEqual([shape.pods, shape.masquerade], ['docker', true]);
  assert.equal(shapeLab({ ...REQUEST, pods: 'docker', masquerade: false }, []).masquerade, false);
  assert.equal(shapeLab(REQUEST, []).pods, 'namespace');
});

test('containers of docker have no IPv6 address', () => {
  const documents = ['{"EnableIPv6":true,"Network":"172.30.0.0/16","IPv6Network":"fd30::/56"}'];
  const requests: readonly Partial<LabRequest>[] = [
    { dualStack: true },
    { ipv6Only: true },
    ...documents.map((document) => ({ document })),
  ];
  for (const more of requests) {
    const fault = refusal({ ...REQUEST, ...more, pods: 'docker' });
    assert.equal(fault.code, 'usage.flag');
    assert.match(fault.message, /--pods docker is for IPv4 alone/);
  }
});
