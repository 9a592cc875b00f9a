/** The network document that a person hands us: a file, or `-` for standard input. */
import { readFile } from 'node:fs/promises';
import type { CommandContext } from '#cli/command.ts';
import { Fault } from '#runtime/fault.ts';

/** A real document has 200 characters; etcd takes no more than 1.5 MB. */
const LONGEST_DOCUMENT = 1_000_000;

/** The text without a byte order mark and without white space at the end, which files have and etcd's values need not. */
export async function readDocument(context: CommandContext, file: string): Promise<string> {
  const text = file === '-' ? await context.readInput() : await readText(file);
  if (text.length > LONGEST_DOCUMENT) {
    throw new Fault('network.unreadable', {
      what: `the document is longer than ${LONGEST_DOCUMENT} characters`,
      where: file,
    });
  }
  return text.replace(/^\ufeff/, '').trimEnd();
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('network.unreadable', {
      what: 'the file with the network configuration cannot be read',
      where: file,
      why,
      cause,
    });
  }
}
