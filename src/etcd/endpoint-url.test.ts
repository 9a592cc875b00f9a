import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEndpoint, serverName } from './endpoint-url.ts';

test('endpoints are read with host, port and whether TLS is spoken', () => {
  const cases: [string, object][] = [
    ['https://10.0.0.1:2379', { type: 'tcp', host: '10.0.0.1', port: 2379, tls: true, url: 'https://10.0.0.1:2379' }],
    ['http://etcd.example/', { type: 'tcp', host: 'etcd.example', port: 2379, tls: false, url: 'http://etcd.example' }],
    ['https://[fd00::1]:4001', { type: 'tcp', host: 'fd00::1', port: 4001, tls: true, url: 'https://[fd00::1]:4001' }],
    ['https://a:443', { type: 'tcp', host: 'a', port: 443, tls: true, url: 'https://a:443' }],
    ['https://[fd00::1]', { type: 'tcp', host: 'fd00::1', port: 2379, tls: true, url: 'https://[fd00::1]' }],
    ['unix:///run/etcd.sock', { type: 'unix', path: '/run/etcd.sock', url: 'unix:///run/etcd.sock' }],
  ];
  for (const [text, endpoint] of cases) assert.deepEqual(parseEndpoint(text), endpoint);
});

test('only host names are asked for by SNI', () => {
  assert.equal(serverName('etcd.example'), 'etcd.example');
  assert.equal(serverName('10.0.0.1'), undefined);
  assert.equal(serverName('fd00::1'), undefined);
});
