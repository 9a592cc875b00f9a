import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addQuietLink, forgetQuietLink, isQuietLink } from './quiet-links.ts';

test('a link is quiet in its own namespace until it is gone', () => {
  addQuietLink('/run/netns/a', 7);
  assert.equal(isQuietLink('/run/netns/a', 7), true);
  assert.equal(isQuietLink('/run/netns/b', 7), false);
  assert.equal(isQuietLink(undefined, 7), false);
  forgetQuietLink(undefined, 7);
  assert.equal(isQuietLink('/run/netns/a', 7), true);
  forgetQuietLink('/run/netns/a', 7);
  assert.equal(isQuietLink('/run/netns/a', 7), false);
});
