import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingRequirements } from './requirements.ts';

test('nothing is missing where every program is', () => {
  assert.deepEqual(
    missingRequirements(true, () => true),
    [],
  );
});

test('what is missing is named by program and package', () => {
  assert.deepEqual(
    missingRequirements(false, (program) => program !== 'systemd-nspawn'),
    [{ program: 'systemd-nspawn', name: 'systemd-container' }],
  );
});

test('programs for the way to the internet are needed only with it', () => {
  const slirp = (internet: boolean): boolean =>
    missingRequirements(internet, () => false).some(({ name }) => name === 'slirp4netns');
  assert.equal(slirp(false), false);
  assert.equal(slirp(true), true);
});
