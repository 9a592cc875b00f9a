import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import type { PeerChange, WireguardChange, WireguardControl } from './device.ts';
import { diffDevice } from './diff.ts';
import { openKernelControl } from './kernel-control.ts';
import { generatePrivateKey, keyFromBytes, publicKeyOf } from './key.ts';
import { WireguardTestKernel } from './test-kernel.ts';

const NAME = 'flannel-wg';

/**
 * What the client library of the WireGuard project sends for CHANGE (embeddable-wg-library in Debian's wireguard-tools
 * 1.0.20210914, its sendto() caught), which it does in two calls.
 */
const RECORDED = [
  [
    '500000001f0005004e68006b00000000010100000f000200666c616e6e656c2d77670000240003001111111111111111',
    '111111111111111111111111111111111111111111111111060006006cca0000',
  ].join(''),
  [
    '8c0100001f0005004e68006b00000000010100000f000200666c616e6e656c2d77670000680108803000008024000100',
    '22222222222222222222222222222222222222222222222222222222222222220800030001000000b800008024000100',
    '333333333333333333333333333333333333333333333333333333333333333324000200444444444444444444444444',
    '4444444444444444444444444444444444444444140004000200ca6cc000020200000000000000000600050019000000',
    '0800030002000000480009801c0000800600010002000000080002000a05020005000300180000002800008006000100',
    '0a00000014000200fd00000500000002000000000000000005000300400000007c000080240001005555555555555555',
    '555555555555555555555555555555555555555555555555200004000a00ca6d0000000020010db80000000000000000',
    '000000020000000008000300020000002c00098028000080060001000a00000014000200fd0000050000000200000000',
    '000000000500030040000000',
  ].join(''),
];

const CHANGE: WireguardChange = {
  privateKey: keyOf(0x11),
  listenPort: 51_820,
  peers: [
    { type: 'remove', publicKey: keyOf(0x22) },
    {
      type: 'set',
      publicKey: keyOf(0x33),
      presharedKey: keyOf(0x44),
      endpoint: '192.0.2.2:51820',
      keepaliveSeconds: 25,
      allowedIps: ['10.5.2.0/24', 'fd00:5:0:2::/64'],
    },
    { type: 'set', publicKey: keyOf(0x55), endpoint: '[2001:db8::2]:51821', allowedIps: ['fd00:5:0:2::/64'] },
  ],
};

test("the requests are those of WireGuard's own client library, byte for byte", async () => {
  const { kernel, control } = kernelWithDevice();
  assert.deepEqual(await control.write(NAME, CHANGE), []);
  // The first request asked for the family.
  assert.deepEqual(kernel.requests.slice(1).map(withoutSequence), RECORDED.map(withoutSequence));
});

test('what was written is read back, whatever the kernel splits', async () => {
  const { control } = kernelWithDevice();
  const prefixes = Array.from({ length: 300 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);
  const peers = Array.from({ length: 100 }, (_, index): PeerChange & { type: 'set' } => ({
    type: 'set',
    publicKey: keyOf(index + 1),
    ...(index % 2 === 0 ? { presharedKey: keyOf(0x77) } : {}),
    endpoint: index % 3 === 0 ? `[2001:db8::${index + 1}]:51821` : `192.0.2.${index}:51820`,
    keepaliveSeconds: index,
    allowedIps: index === 50 ? prefixes : [`10.99.${index}.0/24`, `fd00:0:0:${(index + 1).toString(16)}::/64`],
  }));
  assert.deepEqual(await control.write(NAME, { privateKey: keyOf(0x99), listenPort: 51_820, peers }), []);
  const device = await control.read(NAME);
  assert.equal(device?.privateKey, keyOf(0x99));
  assert.equal(device?.listenPort, 51_820);
  assert.deepEqual(
    device?.peers,
    peers.map(({ type: _, presharedKey, ...peer }) => ({
      presharedKey,
      ...peer,
      lastHandshakeMs: 1_700_000_000_500,
      receivedBytes: 1234,
      sentBytes: 5678,
    })),
  );
});

test('a difference that was written is none any more', async () => {
  const { control } = kernelWithDevice();
  await control.write(NAME, CHANGE);
  const peer = { publicKey: keyOf(0x33), presharedKey: undefined, endpoint: '192.0.2.9:1', keepaliveSeconds: 0 };
  const desired = { privateKey: keyOf(0x12), listenPort: 1, peers: [{ ...peer, allowedIps: ['10.5.7.0/24'] }] };
  const difference = async (): Promise<WireguardChange | undefined> => {
    const device = await control.read(NAME);
    assert(device !== undefined);
    return diffDevice(desired, device, { nowMs: Date.now(), publicKey: '', wanted: new Map() });
  };
  const change = await difference();
  assert.equal(change?.peers.length, 2);
  await control.write(NAME, change);
  assert.equal(await difference(), undefined);
});

test('a peer that the kernel does not take is named, and all the others are in force', async () => {
  const { kernel, control } = kernelWithDevice();
  kernel.noMemoryFor.add(keyOf(40));
  const peers = Array.from(
    { length: 80 },
    (_, index): PeerChange => ({
      type: 'set',
      publicKey: keyOf(index + 1),
      allowedIps: [`10.5.${index}.0/24`],
    }),
  );
  const refused = await control.write(NAME, { peers });
  assert.deepEqual(
    refused.map(({ publicKey }) => publicKey),
    [keyOf(40)],
  );
  assert.match(refused[0]?.reason ?? '', /ENOMEM/);
  assert.equal((await control.read(NAME))?.peers.length, 79);
});

test('the preshared key none is taken away', async () => {
  const { control } = kernelWithDevice();
  await control.write(NAME, CHANGE);
  await control.write(NAME, { peers: [{ type: 'set', publicKey: keyOf(0x33), presharedKey: 'none' }] });
  const peer = (await control.read(NAME))?.peers.find(({ publicKey }) => publicKey === keyOf(0x33));
  assert.equal(peer?.presharedKey, undefined);
  assert.deepEqual(peer?.allowedIps, ['10.5.2.0/24']);
});

test('a device that is not there is undefined, and writing to it is a Fault', async () => {
  const { control } = kernelWithDevice();
  assert.equal(await control.read('wg9'), undefined);
  await assert.rejects(control.write('wg9', { listenPort: 1, peers: [] }), isDeviceFault(/ENODEV/));
});

test('a kernel without WireGuard gives no control, and the socket is closed', () => {
  const kernel = new WireguardTestKernel({ wireguard: false });
  assert.equal(openKernelControl(undefined, kernel), undefined);
  assert.equal(kernel.open, 0);
});

test('the test kernel refuses what Linux refuses', async () => {
  const { control } = kernelWithDevice();
  const privateKey = generatePrivateKey();
  await control.write(NAME, { privateKey, peers: [] });
  // Its own key: passed over without a word.
  const own: PeerChange = { type: 'set', publicKey: publicKeyOf(privateKey), allowedIps: [] };
  assert.deepEqual(await control.write(NAME, { peers: [own] }), []);
  assert.deepEqual((await control.read(NAME))?.peers, []);
});

function kernelWithDevice(): { kernel: WireguardTestKernel; control: WireguardControl } {
  const kernel = new WireguardTestKernel();
  kernel.addDevice(NAME);
  const control = openKernelControl(undefined, kernel);
  assert(control !== undefined);
  return { kernel, control };
}

/** Thirty-two times the same byte. */
function keyOf(byte: number): string {
  const key = keyFromBytes(Buffer.alloc(32, byte));
  assert(key !== undefined);
  return key;
}

/** The socket's own business: flags, sequence number, port. */
function withoutSequence(hex: string): string {
  return hex.slice(0, 12) + hex.slice(32);
}

function isDeviceFault(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === 'wireguard.device' && pattern.test(error.summary);
}
