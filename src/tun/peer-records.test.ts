import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePeers } from './peer-records.ts';

test('a peer is subnet and host in network order, the length, and three bytes of nothing', () => {
  const peers = [
    { subnet: { address: 0x0a050200, length: 24 }, host: 0xc0000202 },
    { subnet: { address: 0, length: 0 }, host: 1 },
  ];
  assert.equal(
    Buffer.from(encodePeers(peers)).toString('hex'),
    '0a050200c00002021800000000000000' + '0000000100000000',
  );
});

test('no peers are no bytes', () => {
  assert.equal(encodePeers([]).length, 0);
});
