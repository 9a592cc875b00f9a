import { test } from 'node:test';
import { MemoryPathKernel } from './memory-path-kernel.ts';
import { PATH_KERNEL_BEHAVIOURS } from './path-kernel-compliance.ts';

for (const [name, run] of PATH_KERNEL_BEHAVIOURS) {
  test(`in memory: ${name}`, async () => {
    const kernel = new MemoryPathKernel();
    await run({
      kernel,
      tunnel: 4,
      ports: [7, 8],
      detachByOther: (device) => kernel.apply([{ type: 'detach', device }]),
      addLink: () => kernel.announce(),
    });
  });
}
