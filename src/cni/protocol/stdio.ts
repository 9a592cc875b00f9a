/** The process as a plugin sees it. By plain descriptors: Node's streams for them take milliseconds to load. */
import { readSync, writeSync } from 'node:fs';
import { INPUT_LIMIT_BYTES } from './configuration.ts';
import { CNI_CODES, CniError, errorText } from './error.ts';
import type { PluginProcess } from './plugin.ts';

const CHUNK_BYTES = 64 * 1024;
const RETRY_MS = 2;
/** For a runtime that has started us and says nothing. */
const INPUT_TIMEOUT_MS = 30_000;

export function pluginProcess(): PluginProcess {
  return {
    environment: process.env,
    readInput: () => readInput(0),
    write: (text) => writeAll(1, text),
    writeError: (text) => writeAll(2, text),
  };
}

/** Everything up to the end of the input; throws CniError 5 when it cannot be read, is too long, or never ends. */
export function readInput(fd: number, limitBytes = INPUT_LIMIT_BYTES, timeoutMs = INPUT_TIMEOUT_MS): string {
  const chunks: Buffer[] = [];
  const deadline = performance.now() + timeoutMs;
  let bytes = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const read = retrying(() => readSync(fd, chunk), deadline, 'error reading from stdin');
    if (read === 0) return Buffer.concat(chunks).toString();
    bytes += read;
    if (bytes > limitBytes) {
      throw new CniError(CNI_CODES.ioFailure, `error reading from stdin: more than ${limitBytes} bytes`);
    }
    chunks.push(chunk.subarray(0, read));
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  const deadline = performance.now() + INPUT_TIMEOUT_MS;
  try {
    for (let at = 0; at < bytes.length; ) {
      at += retrying(() => writeSync(fd, bytes, at), deadline, 'error writing');
    }
  } catch {
    // Nobody listens any more, and there is nobody else to tell.
  }
}

/** A descriptor may be non-blocking, which whoever opened it decided. */
function retrying(call: () => number, deadline: number, what: string): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN' || performance.now() > deadline) {
        throw new CniError(CNI_CODES.ioFailure, `${what}: ${errorText(error)}`);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
