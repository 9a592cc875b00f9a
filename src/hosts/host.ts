/**
 * Host: the seam between us and a machine that we act on. The lab's hosts are network namespaces; a fleet's hosts are
 * reached by OpenSSH. Commands are data and no shell on our side reads them.
 */
import type { Command, CommandOutput } from '#runtime/command.ts';

export interface FileContent {
  readonly path: string;
  readonly content: string;
  /** Permission bits, independent of the umask. */
  readonly mode: number;
}

export interface Host {
  readonly name: string;
  /** Runs a command to its end; any exit code is an answer. Fault `command.failed` when it cannot be run at all. */
  run(command: Command): Promise<CommandOutput>;
  /** Writes a file whole or not at all, with its directory. */
  put(file: FileContent): Promise<void>;
  /** The file's text; undefined when there is none. */
  get(path: string): Promise<string | undefined>;
}
