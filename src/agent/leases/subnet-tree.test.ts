import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ipv4Cidr, ipv4CidrContains, maskIpv4Cidr } from '#model/cidr.ts';
import { SubnetTree } from './subnet-tree.ts';

/** Crowded into few addresses, so that they nest; some at the end of the address space. */
const cidr = fc
  .record({ address: fc.integer({ min: 0xffffff00, max: 0xffffffff }), length: fc.integer({ min: 23, max: 32 }) })
  .map((value) => maskIpv4Cidr(value));

const contains = (a: Ipv4Cidr, b: Ipv4Cidr): boolean => a.length <= b.length && ipv4CidrContains(a, b.address);

test('the networks around a network are those that contain it, smallest first', () => {
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 25 }), (cidrs) => {
      const tree = new SubnetTree(cidrs);
      for (const [index, own] of cidrs.entries()) {
        const around = tree.around(index).map((other) => cidrs[other]);
        const larger = cidrs.filter((other) => contains(other, own) && other.length < own.length);
        assert.equal(around.filter((other) => other !== undefined && other.length < own.length).length, larger.length);
        const lengths = around.map((other) => other?.length ?? 0);
        assert.deepEqual(
          lengths,
          [...lengths].sort((a, b) => b - a),
        );
        assert.ok(!tree.around(index).includes(index));
      }
    }),
  );
});

test('of equal networks one is around the other', () => {
  const same = { address: 0x0a050100, length: 24 };
  const tree = new SubnetTree([same, { ...same }]);
  assert.equal(tree.around(0).length + tree.around(1).length, 1);
});

test('the networks that contain an address are found, smallest first', () => {
  const address = fc.integer({ min: 0xfffffe00, max: 0xffffffff });
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 25 }), address, (cidrs, value) => {
      const found = new SubnetTree(cidrs).containing(value);
      const expected = cidrs.flatMap((each, index) => (ipv4CidrContains(each, value) ? [index] : []));
      assert.deepEqual(
        [...found].sort((a, b) => a - b),
        expected,
      );
      const lengths = found.map((index) => cidrs[index]?.length ?? 0);
      assert.deepEqual(
        lengths,
        [...lengths].sort((a, b) => b - a),
      );
    }),
  );
});
