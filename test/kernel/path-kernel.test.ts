/** PathKernel on the real BPF machine, by the tests that the one in memory takes too. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BpfPathKernel } from '#agent/fast-path/bpf-path-kernel.ts';
import { PATH_KERNEL_BEHAVIOURS } from '#agent/fast-path/path-kernel-compliance.ts';
import { loadProgram } from '#bpf/calls.ts';
import { loadObject } from '#bpf/load.ts';
import { readBpfObject } from '#bpf/object.ts';
import { namespacePath } from '#hosts/namespace.ts';
import { Fault } from '#runtime/fault.ts';
import { detachLink, linksAt } from './bpf-links.ts';

let count = 0;

for (const [name, run] of PATH_KERNEL_BEHAVIOURS) {
  test(`in the kernel: ${name}`, async () => {
    count += 1;
    const namespace = `weft-pk-${process.pid}-${count}`;
    const ip = (...words: readonly string[]): string =>
      execFileSync('ip', ['-n', namespace, ...words], { encoding: 'utf8' });
    execFileSync('ip', ['netns', 'add', namespace]);
    try {
      ip('link', 'add', 't0', 'type', 'bridge');
      ip('link', 'add', 'p0', 'type', 'veth', 'peer', 'name', 'p1');
      const names = ['t0', 'p0', 'p1'] as const;
      const [tunnel, ...ports] = names.map((device) => Number.parseInt(ip('-o', 'link', 'show', 'dev', device), 10));
      const [first, second] = ports;
      assert(tunnel !== undefined && first !== undefined && second !== undefined);
      const indexes = [tunnel, first, second];
      const kernel = new BpfPathKernel(namespacePath(namespace));
      try {
        await run({
          kernel,
          tunnel,
          ports: [first, second],
          detachByOther(device) {
            const [link] = linksAt(namespace, names[indexes.indexOf(device)] ?? '');
            assert(link !== undefined);
            detachLink(link);
          },
          addLink: () => void ip('link', 'add', 'more', 'type', 'bridge'),
        });
      } finally {
        kernel.close();
      }
    } finally {
      execFileSync('ip', ['netns', 'delete', namespace]);
    }
  });
}

test('a device that is not there is a Fault of the kernel, and nothing else is harmed', () => {
  const kernel = new BpfPathKernel();
  try {
    assert.throws(
      () => kernel.apply([{ type: 'attach', program: 'from_pod', device: 2 ** 30 }]),
      (error) => error instanceof Fault && error.code === 'kernel.bpf',
    );
    assert.equal(kernel.observe().attached.size, 0);
  } finally {
    kernel.close();
  }
});

test('a program that the verifier does not accept is a Fault with its words', () => {
  // r0 = 0; exit, with the first left out: r0 was never written.
  const instructions = Buffer.from('9500000000000000', 'hex');
  assert.throws(
    () => loadProgram({ name: 'bad', instructions, license: 'GPL', modules: [] }),
    (error) => error instanceof Fault && /R0 !read_ok/.test(`${error}`),
  );
});

test('a function that the kernel does not have is named', () => {
  const path = join(import.meta.dirname, '../../native/fast-path.bpf.o');
  const object = readBpfObject(readFileSync(path), path);
  const programs = object.programs.map((program) => ({
    ...program,
    references: program.references.map((reference) =>
      reference.to === 'function' ? { ...reference, name: 'no_such_function' } : reference,
    ),
  }));
  assert.throws(
    () => loadObject({ ...object, programs }, 'no_such_module'),
    (error) => error instanceof Fault && /no_such_function.*no_such_module is not loaded/s.test(`${error}`),
  );
});
