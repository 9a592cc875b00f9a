import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatIp, parseCidr, parseIp } from '#model/ip.ts';
import { candidates, formatRangeSet, type RangeSet, rangeOf, readRangeSets } from './address-range.ts';

function rangesOf(...texts: readonly string[]): RangeSet {
  return texts.map((text) => rangeOf(parseCidr(text) ?? { address: 0, length: 0 }));
}

function given(set: RangeSet, last?: string): readonly string[] {
  return [...candidates(set, last === undefined ? undefined : parseIp(last))].map(({ address }) => formatIp(address));
}

suite('a round', () => {
  const set = rangesOf('10.5.1.0/29');

  test('leaves out the gateway, the network and the broadcast address', () => {
    assert.deepEqual(given(set), ['10.5.1.2', '10.5.1.3', '10.5.1.4', '10.5.1.5', '10.5.1.6']);
  });

  test('goes on after the last that was given, which comes last', () => {
    assert.deepEqual(given(set, '10.5.1.4'), ['10.5.1.5', '10.5.1.6', '10.5.1.2', '10.5.1.3', '10.5.1.4']);
    assert.deepEqual(given(set, '10.5.1.6'), ['10.5.1.2', '10.5.1.3', '10.5.1.4', '10.5.1.5', '10.5.1.6']);
  });

  test('starts anew after an address of no range', () => {
    assert.equal(given(set, '192.0.2.1')[0], '10.5.1.2');
    assert.equal(given(set, 'fd00::1')[0], '10.5.1.2');
  });

  test('goes through all ranges of the set', () => {
    const two = rangesOf('10.5.1.0/30', '10.5.2.0/30');
    assert.deepEqual(given(two), ['10.5.1.2', '10.5.2.2']);
    assert.deepEqual(given(two, '10.5.1.2'), ['10.5.2.2', '10.5.1.2']);
  });

  test('of IPv6 ends with its last address, and is not built before it is walked', () => {
    assert.deepEqual(given(rangesOf('fd00::/126')), ['fd00::2', 'fd00::3']);
    const [first] = candidates(rangesOf('fd00::/64'), undefined);
    assert.equal(first?.address, parseIp('fd00::2'));
  });

  test('has every address exactly once, wherever it starts', () => {
    const start = fc.integer({ min: 0x0a050100, max: 0x0a05013f });
    fc.assert(
      fc.property(start, (last) => {
        const all = [...candidates(rangesOf('10.5.1.0/27', '10.5.1.32/28'), last)].map(({ address }) => address);
        assert.equal(all.length, 29 + 13);
        assert.equal(new Set(all).size, all.length);
        if (all.includes(last)) assert.equal(all.at(-1), last);
      }),
    );
  });
});

suite('a configuration', () => {
  test('names first, last and gateway of a range', () => {
    const [set = []] =
      readRangeSets({
        ranges: [[{ subnet: '10.5.1.0/24', rangeStart: '10.5.1.9', rangeEnd: '10.5.1.11', gateway: '10.5.1.10' }]],
      }) ?? [];
    assert.equal(formatRangeSet(set), '10.5.1.9-10.5.1.11');
    assert.deepEqual(given(set), ['10.5.1.9', '10.5.1.11']);
  });

  test('may have the older form', () => {
    assert.deepEqual(given((readRangeSets({ subnet: '10.5.1.0/30' }) ?? [])[0] ?? []), ['10.5.1.2']);
    assert.equal(readRangeSets({}), undefined);
  });

  for (const [ipam, message] of [
    [{ subnet: '10.5.1.0/31' }, /too small to allocate from/],
    [{ subnet: '10.5.1.7/24' }, /host bits set.*network address is 10\.5\.1\.0/],
    [{ subnet: '10.5.1.0' }, /invalid CIDR address: 10\.5\.1\.0/],
    [{ subnet: '10.5.1.0/24', rangeStart: '10.5.2.1' }, /RangeStart 10\.5\.2\.1 not in network/],
    [{ subnet: '10.5.1.0/24', rangeEnd: 'fd00::1' }, /rangeend fd00::1 is no address of the family/],
    [{ subnet: '10.5.1.0/24', rangeStart: '10.5.1.9', rangeEnd: '10.5.1.8' }, /is behind RangeEnd/],
    [{ ranges: [[]] }, /empty range set/],
    [{ ranges: ['10.5.1.0/24'] }, /empty range set/],
    [{ ranges: [[7]] }, /a range is no JSON object/],
    [{ ranges: [[{ subnet: '10.5.1.0/24' }, { subnet: 'fd00::/64' }]] }, /mixed address families/],
    [{ ranges: [[{ subnet: '10.5.1.0/24' }], [{ subnet: '10.5.0.0/16' }]] }, /overlaps with/],
  ] as const) {
    test(`is refused: ${JSON.stringify(ipam)}`, () => {
      assert.throws(() => readRangeSets(ipam), { code: 7, message });
    });
  }
});
