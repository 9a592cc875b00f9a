import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formerFabrics } from '#agent/publish/former-fabrics.ts';
import { TestFleet, TestHost } from '#agent/test-host.ts';
import { Fault } from '#runtime/fault.ts';

const NETWORK = { Network: '172.30.0.0/16', SubnetLen: 24, Backend: { Type: 'vxlan' } };

async function host(settings: TestHost['settings'] = {}): Promise<{ fleet: TestFleet; host: TestHost }> {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const one = new TestHost(fleet, 11);
  one.settings = settings;
  return { fleet, host: one };
}

const MASQUERADE = { masquerade: true, forward: true, fullyRandom: true, compatNft: false };

test('forward rules follow at once, masquerade rules come before the subnet is handed out and only when asked for', async () => {
  const { host: plain } = await host();
  await plain.start();
  assert.ok(plain.ready);
  assert.match(plain.firewall.saved('nft', 'ipv4'), /-A FLANNEL-FWD -s 172\.30\.0\.0\/16 .*-j ACCEPT/);
  assert.doesNotMatch(plain.firewall.saved('nft', 'ipv4'), /FLANNEL-POSTRTG/);
  assert.match(plain.subnetFile ?? '', /FLANNEL_IPMASQ=false/);

  const { host: masked } = await host({ traffic: MASQUERADE });
  await masked.start();
  assert.match(masked.firewall.saved('nft', 'ipv4'), /-A FLANNEL-POSTRTG .*-j MASQUERADE/);
  assert.match(masked.subnetFile ?? '', /FLANNEL_IPMASQ=true/);
});

test('a restart writes no rule', async () => {
  const { fleet, host: one } = await host({ traffic: MASQUERADE });
  await one.start();
  const { written } = one.firewall;
  await one.stop();
  await one.start();
  await fleet.pass(1000);
  assert.ok(written > 0);
  assert.equal(one.firewall.written, written);
});

test('rules that somebody flushed are written again', async () => {
  const { fleet, host: one } = await host({ traffic: MASQUERADE });
  await one.start();
  const before = one.firewall.saved('nft', 'ipv4');
  one.firewall.restore(
    'nft',
    'ipv4',
    '*nat\n-F POSTROUTING\n-F FLANNEL-POSTRTG\nCOMMIT\n*filter\n-F FORWARD\nCOMMIT\n',
  );
  await fleet.pass(1000);
  assert.equal(one.firewall.saved('nft', 'ipv4'), before);
});

test('a host without the firewall program is ready all the same, and it is said', async () => {
  const { host: one } = await host();
  one.firewall.read = async () => {
    throw new Fault('firewall.missing', { what: 'iptables is not installed' });
  };
  await one.start();
  assert.ok(one.ready);
  assert.equal(one.said('traffic rules not written').length, 1);
});

test('the file of an earlier run names the fabric that its rules were made for', () => {
  const text = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
  assert.deepEqual(
    formerFabrics(text).map(({ network, subnet }) => `${network.text} ${subnet.text}`),
    ['10.5.0.0/16 10.5.7.0/24'],
  );
  assert.deepEqual(formerFabrics('FLANNEL_SUBNET=nonsense\n'), []);
});
