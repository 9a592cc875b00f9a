import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { paint } from '#cli/style.ts';
import { drawTerminal } from './draw-terminal.ts';
import { snapshotOf } from './test-snapshot.ts';

const plain = (columns: number) => ({ columns, paint: (_: unknown, text: string) => text });

test('three hosts stand side by side on the switch within 80 columns', () => {
  assert.equal(
    drawTerminal(snapshotOf(3), plain(80)),
    `\
lab blue: vxlan for Pods in 172.30.0.0/16
  ╭─ pod1 ─────────────╮     ╭─ pod2 ─────────────╮     ╭─ pod3 ─────────────╮
  │ 172.30.71.2        │     │ 172.30.108.2       │     │ 172.30.145.2       │
  ╰──────────┬─────────╯     ╰──────────┬─────────╯     ╰──────────┬─────────╯
╭─ host1 ────┴───────────╮ ╭─ host2 ────┴───────────╮ ╭─ host3 ────┴───────────╮
│ lease 172.30.71.0/24   │ │ lease 172.30.108.0/24  │ │ lease 172.30.145.0/24  │
│ vtep  7e:74:c7:9e:78:10│ │ vtep  7e:74:c7:9e:78:11│ │ vtep  7e:74:c7:9e:78:12│
│ agent ready in 84 ms   │ │ agent ready in 85 ms   │ │ agent ready in 86 ms   │
│ etcd  follower         │ │ etcd  ★ leader         │ │ etcd  follower         │
│ eth0  10.77.0.11       │ │ eth0  10.77.0.12       │ │ eth0  10.77.0.13       │
╰────────────┬───────────╯ ╰────────────┬───────────╯ ╰────────────┬───────────╯
═════════════╧══════════════════════════╧══════════════════════════╧════════════
switch 10.77.0.0/16
`,
  );
});

test('hosts that do not fit into one row hang on the same switch, and what is broken shows', () => {
  const snapshot = snapshotOf(3, (host, index) => {
    if (index === 0) return { ...host, uplink: 'cut' };
    return index === 2 ? { ...host, agent: { running: false }, etcd: 'down' } : host;
  });
  assert.equal(
    drawTerminal(snapshot, plain(56)),
    `\
lab blue: vxlan for Pods in 172.30.0.0/16
    ╭─ pod1 ─────────────╮     ╭─ pod2 ─────────────╮
    │ 172.30.71.2        │     │ 172.30.108.2       │
    ╰──────────┬─────────╯     ╰──────────┬─────────╯
  ╭─ host1 ────┴───────────╮ ╭─ host2 ────┴───────────╮
  │ lease 172.30.71.0/24   │ │ lease 172.30.108.0/24  │
  │ vtep  7e:74:c7:9e:78:10│ │ vtep  7e:74:c7:9e:78:11│
  │ agent ready in 84 ms   │ │ agent ready in 85 ms   │
  │ etcd  follower         │ │ etcd  ★ leader         │
  │ eth0  10.77.0.11       │ │ eth0  10.77.0.12       │
  ╰────────────────────────╯ ╰────────────┬───────────╯
╔══════════════✗══════════════════════════╧════════════
║   ╭─ pod3 ─────────────╮
║   │ 172.30.145.2       │
║   ╰──────────┬─────────╯
║ ╭─ host3 ────┴───────────╮
║ │ lease 172.30.145.0/24  │
║ │ vtep  7e:74:c7:9e:78:12│
║ │ agent ✗ not running    │
║ │ etcd  ✗ down           │
║ │ eth0  10.77.0.13       │
║ ╰────────────┬───────────╯
╚══════════════╧════════════
switch 10.77.0.0/16
`,
  );
});

test('very many hosts, or a very narrow terminal, become a list', () => {
  const many = drawTerminal(snapshotOf(50), plain(80)).split('\n');
  assert.equal(many[1], '╔══ switch 10.77.0.0/16');
  assert.equal(many[3], '╠══ host2  10.77.0.12 ── 172.30.108.0/24 ── pod2 172.30.108.2  etcd ★ leader');
  assert.equal(many[51], '╚══ host50 10.77.0.60 ── 172.30.92.0/24 ── pod50 172.30.92.2');
  assert.equal(drawTerminal(snapshotOf(3), plain(20)).split('\n').length, 6);
});

test('no line is wider than the terminal, whatever its width', () => {
  for (let columns = 28; columns < 200; columns += 1) {
    for (const count of [3, 7, 12]) {
      for (const line of drawTerminal(snapshotOf(count), plain(columns)).split('\n').slice(1)) {
        assert(line.length <= columns, `${count} hosts on ${columns} columns: ${line.length}`);
      }
    }
  }
});

test('colours change nothing but the colours', () => {
  const snapshot = snapshotOf(7, (host, index) => (index === 4 ? { ...host, uplink: 'cut' } : host));
  const coloured = drawTerminal(snapshot, { columns: 90, paint });
  assert.equal(stripVTControlCharacters(coloured), drawTerminal(snapshot, plain(90)));
  assert.notEqual(coloured, stripVTControlCharacters(coloured));
});

test('without VXLAN devices there is no row for them, and IPv6 has its own rows', () => {
  const snapshot = snapshotOf(3, ({ deviceMac: _, ...host }, index) => ({
    ...host,
    addressIpv6: `fd77::10:77:0:1${index + 1}`,
    leaseIpv6: `fd30:0:0:2${index}::/64`,
    pod: { ...host.pod, addressIpv6: `fd30:0:0:2${index}::2` },
  }));
  const lab = { ...snapshot, backend: 'host-gw', podNetworks: [...snapshot.podNetworks, 'fd30::/56'] };
  const lines = drawTerminal(lab, plain(80)).split('\n');
  assert.equal(lines[0], 'lab blue: host-gw for Pods in 172.30.0.0/16 and fd30::/56');
  assert.deepEqual(
    lines.slice(1, 12).map((line) => line.slice(0, 26)),
    [
      '  ╭─ pod1 ─────────────╮  ',
      '  │ 172.30.71.2        │  ',
      '  │ fd30:0:0:20::2     │  ',
      '  ╰──────────┬─────────╯  ',
      '╭─ host1 ────┴───────────╮',
      '│ lease 172.30.71.0/24   │',
      '│       fd30:0:0:20::/64 │',
      '│ agent ready in 84 ms   │',
      '│ etcd  follower         │',
      '│ eth0  10.77.0.11       │',
      '│       fd77::10:77:0:11 │',
    ],
  );
});
