import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '#model/lease.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { parseWireguardOptions } from './options.ts';

const PSK = 'FvOXrxcaVhsx1jo9tqfbLFNYTqGQLqjoRLWmFkQ0rWo=';

function parse(
  options: Readonly<Record<string, Json>>,
  families: Readonly<Record<string, Json>> = {},
): ReturnType<typeof parseWireguardOptions> {
  const document = { Network: '10.5.0.0/16', ...families, Backend: { Type: 'wireguard', ...options } };
  const parsed = parseNetworkConfig(JSON.stringify(document));
  assert('config' in parsed);
  return parseWireguardOptions(parsed.config);
}

const DUAL = { EnableIPv6: true, IPv6Network: 'fd00:5::/48' };

function problems(...args: Parameters<typeof parse>): readonly string[] {
  const parsed = parse(...args);
  return 'problems' in parsed ? parsed.problems.map(({ field, value, reason }) => `${field} ${value}: ${reason}`) : [];
}

const DEFAULTS = {
  listenPort: 51_820,
  listenPortV6: 51_821,
  mtu: undefined,
  presharedKey: undefined,
  keepaliveSeconds: 0,
  mode: 'separate',
};

test("the defaults are flannel's", () => {
  assert.deepEqual(parse({}), { options: DEFAULTS });
  assert.deepEqual(parse({ MTU: 0, PSK: '', Mode: '', ListenPort: null, PersistentKeepaliveInterval: 0 }), {
    options: DEFAULTS,
  });
});

test('a preshared key of zeros is none, as for WireGuard itself', () => {
  assert.deepEqual(parse({ PSK: `${'A'.repeat(43)}=` }), { options: DEFAULTS });
});

test('keys match whatever their case', () => {
  const options = { listenport: 1, LISTENPORTV6: 65_535, mtu: 9000, psk: ` ${PSK}\n`, mode: 'auto' };
  assert.deepEqual(parse({ ...options, persistentKeepaliveInterval: 25 }), {
    options: {
      listenPort: 1,
      listenPortV6: 65_535,
      mtu: 9000,
      presharedKey: PSK,
      keepaliveSeconds: 25,
      mode: 'auto',
    },
  });
});

test('everything that is wrong is said at once, and the preshared key is not told', () => {
  const wrong = { ListenPort: 0, ListenPortV6: 65_536, MTU: 147, PSK: 'secret', Mode: 'both' };
  assert.deepEqual(problems({ ...wrong, PersistentKeepaliveInterval: '25' }), [
    'Backend.ListenPort 0: must be a whole number from 1 to 65535',
    'Backend.ListenPortV6 65536: must be a whole number from 1 to 65535',
    "Backend.MTU 147: must be 0 (the interface's own) or at least 148",
    'Backend.PersistentKeepaliveInterval "25": must be a whole number from 0 to 65535',
    'Backend.PSK : must be the base64 text of 32 bytes, as wg genpsk prints it',
    'Backend.Mode "both": must be one of separate, auto, ipv4, ipv6',
  ]);
});

for (const PSK_VALUE of [PSK.slice(1), `${PSK}=`, `${PSK.slice(0, 42)}p=`, 7, true, [PSK]]) {
  test(`PSK ${JSON.stringify(PSK_VALUE)} is refused`, () => {
    assert.deepEqual(problems({ PSK: PSK_VALUE }).length, 1);
  });
}

test('IPv6 inside needs an MTU of 1280 and what WireGuard takes', () => {
  assert.match(problems({ MTU: 1359 }, DUAL)[0] ?? '', /at least 1360/);
  assert.deepEqual(problems({ MTU: 1360 }, DUAL), []);
});

test('two devices do not listen on one port, but one device may have any', () => {
  assert.match(problems({ ListenPort: 7, ListenPortV6: 7 }, DUAL)[0] ?? '', /ListenPortV6 7: must differ/);
  assert.deepEqual(problems({ ListenPort: 7, ListenPortV6: 7, Mode: 'auto' }, DUAL), []);
  assert.deepEqual(problems({ ListenPort: 51_821 }), []);
});

test('a Mode that the hosts have no addresses for is refused', () => {
  assert.match(problems({ Mode: 'ipv6' })[0] ?? '', /needs EnableIPv6/);
  assert.match(problems({ Mode: 'ipv4' }, { ...DUAL, EnableIPv4: false })[0] ?? '', /needs EnableIPv4/);
});
