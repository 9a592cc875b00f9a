import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { INVENTORY_PAGE, renderInventoryPage } from './inventory-page.ts';

test('docs/operating/inventory.md is what the definition says (write it anew: node tools/inventory-page.ts)', () => {
  const page = readFileSync(INVENTORY_PAGE, 'utf8');
  assert.equal(page, renderInventoryPage(page));
  for (const field of ['subnetLength', 'backend.vni', 'loadBalancer', 'etcd.sha256', 'etcdData'])
    assert(page.includes(field), field);
});
