import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureRequirements, missingRequirements } from './requirements.ts';

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

test('without apt-get the fault names the programs and the line that installs them', async (context) => {
  const { PATH } = process.env;
  process.env['PATH'] = '/nowhere';
  context.after(() => {
    process.env['PATH'] = PATH;
  });
  const control = {
    signal: new AbortController().signal,
    step: () => assert.fail('nothing was begun'),
    update: () => {},
  };
  await assert.rejects(ensureRequirements(false, control), {
    code: 'machines.programs',
    message: 'programs that machines need are missing: mmdebstrap, systemd-nspawn, ssh, nc',
    remedy:
      'install them: apt-get install --yes --no-install-recommends ' +
      'mmdebstrap systemd-container openssh-client netcat-openbsd',
  });
});
