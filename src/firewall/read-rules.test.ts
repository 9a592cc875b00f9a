import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import { FILTER_RULES, NAT_RULES } from './firewall-compliance.ts';
import { iptablesWords } from './iptables-rules.ts';
import { readIptablesSave } from './read-iptables-save.ts';
import { readNftTable } from './read-nft-table.ts';

test('what is not ours is counted, not kept', () => {
  const kube = [
    '*nat',
    ':POSTROUTING ACCEPT [0:0]',
    ':FLANNEL-POSTRTG - [0:0]',
    ':KUBE-SVC - [0:0]',
    '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
    '-A POSTROUTING -j MASQUERADE',
    '-A KUBE-SVC -s 10.0.0.0/8 -j RETURN',
    'COMMIT',
    '*mangle',
    ':KUBE-IPTABLES-HINT - [0:0]',
    'COMMIT',
  ];
  const { nat, filter, others } = readIptablesSave(kube.join('\n'), 'a test');
  assert.equal(nat.hook?.rules.length, 2);
  assert.deepEqual(nat.own?.rules, []);
  assert.deepEqual(filter, { own: undefined, hook: undefined, referencedElsewhere: false });
  // Two chains and two rules.
  assert.deepEqual(others, { count: 4, kubelet: true });
});

test('our own rules are not others', () => {
  assert.deepEqual(readIptablesSave(NAT_RULES + FILTER_RULES, 'a test').others, { count: 0, kubelet: false });
});

test('words are read with quotes and escapes', () => {
  assert.deepEqual(iptablesWords('-m comment --comment "it\\"s a \\\\ b" -j X'), [
    '-m',
    'comment',
    '--comment',
    'it"s a \\ b',
    '-j',
    'X',
  ]);
});

test('output that is cut, of another program, or that hides a table is a Fault', () => {
  for (const text of [
    '*nat\n:POSTROUTING ACCEPT [0:0]\n',
    'Segmentation fault',
    "# Table `nat' is incompatible, use 'nft' tool.",
    '-A POSTROUTING -j ACCEPT',
  ]) {
    assert.throws(() => readIptablesSave(text, 'a test'), isOutputFault, text);
  }
  for (const text of ['', 'table ip flannel-ipv4 {', 'table ip x {\n\tchain y {\n', 'table ip x {\n}\ntrailing']) {
    assert.throws(() => readNftTable(text, 'a test'), isOutputFault, text);
  }
});

test("another table's incompatibility is not our business", () => {
  readIptablesSave(`# Table \`mangle' is incompatible, use 'nft' tool.\n${NAT_RULES}`, 'a test');
});

test('whatever a program prints is read or is a Fault', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '*nat',
      '*filter',
      'COMMIT',
      ':FLANNEL-FWD - [0:0]',
      '-A FORWARD',
      '-A ',
      ':',
      'table ip x {',
      '}',
      'chain c {',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      for (const read of [readIptablesSave, readNftTable]) {
        try {
          read(lines.join('\n'), 'a test');
        } catch (error) {
          assert.ok(isOutputFault(error), String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});

function isOutputFault(error: unknown): boolean {
  return error instanceof Fault && error.code === 'firewall.output';
}
