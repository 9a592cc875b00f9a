/** What every LeaseStore does, as tests: run on the in-memory etcd and on a real one. */
import { after, test } from 'node:test';
import { testCreating } from './lease-store-compliance-create.ts';
import { testHostKeys } from './lease-store-compliance-hosts.ts';
import { testRenewing } from './lease-store-compliance-renew.ts';
import { testWatching } from './lease-store-compliance-watch.ts';
import type { Behave, StoreFixture } from './lease-store-fixture.ts';

/** Registers the tests; `makeFixture` is called once for each. */
export function testLeaseStore(name: string, makeFixture: () => Promise<StoreFixture>): void {
  const open: StoreFixture[] = [];
  const behaviour: Behave = (sentence, work) => {
    test(`${name}: ${sentence}`, async () => {
      const fixture = await makeFixture();
      open.push(fixture);
      await work(fixture);
    });
  };
  after(async () => {
    for (const fixture of open) await fixture.close();
  });

  testCreating(behaviour);
  testRenewing(behaviour);
  testWatching(behaviour);
  testHostKeys(behaviour);
}
