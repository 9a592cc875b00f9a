import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { keyFromBytes } from './key.ts';
import { formatSetRequest, parseGetAnswer, refusalOf } from './uapi-text.ts';

const [ONE, TWO, THREE] = [1, 2, 3].map((byte) => keyFromBytes(Buffer.alloc(32, byte)) ?? '');
const hex = (byte: number): string => Buffer.alloc(32, byte).toString('hex');

/** Shaped as wireguard-go 0.0.20220316 answers. */
const ANSWER = `private_key=${hex(1)}
listen_port=51820
fwmark=1
public_key=${hex(2)}
preshared_key=${'0'.repeat(64)}
protocol_version=1
endpoint=192.0.2.2:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=999999999
tx_bytes=5678
rx_bytes=1234
persistent_keepalive_interval=25
allowed_ip=10.5.2.0/24
allowed_ip=fd00:5:0:2::/64
public_key=${hex(3)}
preshared_key=${hex(1)}
protocol_version=1
last_handshake_time_sec=0
last_handshake_time_nsec=0
endpoint=[fe80::1%eth0]:7
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
errno=0

`;

test('an answer is read', () => {
  assert.equal(refusalOf(ANSWER), undefined);
  assert.deepEqual(parseGetAnswer(ANSWER), {
    privateKey: ONE,
    listenPort: 51_820,
    peers: [
      {
        publicKey: TWO,
        presharedKey: undefined,
        endpoint: '192.0.2.2:51820',
        keepaliveSeconds: 25,
        allowedIps: ['10.5.2.0/24', 'fd00:5:0:2::/64'],
        lastHandshakeMs: 1_700_000_000_999,
        receivedBytes: 1234,
        sentBytes: 5678,
      },
      {
        publicKey: THREE,
        presharedKey: ONE,
        endpoint: '[fe80::1%eth0]:7',
        keepaliveSeconds: 0,
        allowedIps: [],
        lastHandshakeMs: undefined,
        receivedBytes: 0,
        sentBytes: 0,
      },
    ],
  });
});

test('a device without any settings is read', () => {
  assert.deepEqual(parseGetAnswer('errno=0\n\n'), { privateKey: undefined, listenPort: 0, peers: [] });
});

test('a request says only what changes', () => {
  const text = formatSetRequest({
    listenPort: 51_820,
    peers: [
      { type: 'remove', publicKey: ONE ?? '' },
      { type: 'set', publicKey: TWO ?? '', presharedKey: 'none', allowedIps: ['10.5.2.0/24'] },
      { type: 'set', publicKey: THREE ?? '', endpoint: '[2001:db8::1]:1', keepaliveSeconds: 0 },
    ],
  });
  assert.equal(
    text,
    [
      'set=1',
      'listen_port=51820',
      `public_key=${hex(1)}`,
      'remove=true',
      `public_key=${hex(2)}`,
      `preshared_key=${'0'.repeat(64)}`,
      'replace_allowed_ips=true',
      'allowed_ip=10.5.2.0/24',
      `public_key=${hex(3)}`,
      'endpoint=[2001:db8::1]:1',
      'persistent_keepalive_interval=0',
      '\n',
    ].join('\n'),
  );
});

test('an errno is said in words, whatever its sign', () => {
  assert.equal(refusalOf('errno=-22\n\n'), 'EINVAL: invalid argument');
  assert.equal(refusalOf('errno=98\n\n'), 'EADDRINUSE: address already in use');
});

for (const [what, answer] of [
  ['without errno', 'listen_port=1\n\n'],
  ['with a key too short', `public_key=${'a'.repeat(63)}\nerrno=0\n\n`],
  ['with a zero public key', `public_key=${'0'.repeat(64)}\nerrno=0\n\n`],
  ['with a port that is no number', 'listen_port=x\nerrno=0\n\n'],
  ['with an allowed IP that is none', `public_key=${hex(2)}\nallowed_ip=10.5.2.0/33\nerrno=0\n\n`],
] as const) {
  test(`an answer ${what} is a Fault, and what it says is not told`, () => {
    assert.throws(
      () => {
        refusalOf(answer);
        parseGetAnswer(answer);
      },
      (error) => error instanceof Fault && error.code === 'wireguard.device' && !/aaaa|0202/.test(String(error)),
    );
  });
}

test('an answer with peers without end is a Fault', () => {
  const answer = `${`public_key=${hex(2)}\n`.repeat(100_001)}errno=0\n\n`;
  assert.throws(() => parseGetAnswer(answer), /cannot be read/);
});
