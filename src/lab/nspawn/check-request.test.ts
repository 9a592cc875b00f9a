import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRequest } from './check-request.ts';

test('a request that can be had passes', () => {
  checkRequest({ name: 'blue', count: 30, packages: ['docker.io'], internet: true });
});

test('everything that is wrong with a request is said at once', () => {
  const request = { name: 'Blue/..', count: 0, packages: ['docker.io', '--option'], internet: false };
  assert.throws(() => checkRequest(request), {
    code: 'usage.flag',
    message:
      '--name "Blue/.." is not 1 to 32 lower-case letters, digits and inner dashes; ' +
      '0 is not a number of machines from 1 to 30; --packages: "--option" is not the name of a Debian package',
  });
});

test('one machine too many and half a machine are refused', () => {
  for (const count of [31, 1.5, Number.NaN]) {
    assert.throws(() => checkRequest({ name: 'blue', count, packages: [], internet: false }), { code: 'usage.flag' });
  }
});
