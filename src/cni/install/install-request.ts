/** What is to be installed where, on what machine, and what has come of it. */
import type { JsonObject } from '#cni/protocol/configuration.ts';
import type { Finding } from './finding.ts';
import type { FileState } from './placed-file.ts';
import type { PluginKind } from './plugin-kind.ts';
import type { Bridge } from './stale-bridge.ts';
import type { TrialFailure, TrialRequest } from './trial.ts';

export interface InstallRequest {
  readonly kind: PluginKind;
  readonly binDir: string;
  readonly confDir: string;
  /** Of the network; undefined for the plugin's usual one. */
  readonly name: string | undefined;
  readonly subnetFile: string;
  /** The program that links lead to: bin/weft. */
  readonly program: string;
  /** Folders where distributions put their plugins. */
  readonly companionFolders: readonly string[];
  /** Looks only; nothing is changed. */
  readonly check: boolean;
  readonly force: boolean;
  /** Behind the name of a copy: `20261120T175156Z`. */
  readonly stamp: string;
}

/** What is asked of the machine, so that tests can answer. */
export interface Machine {
  /** The versions that the plugin in this file speaks; none when it does not say. */
  readonly versionsOf: (file: string) => Promise<readonly string[] | undefined>;
  readonly lookAtBridge: (name: string) => Promise<Bridge | undefined>;
  readonly deleteBridge: (name: string) => Promise<void>;
  readonly dockerRuns: () => boolean;
  readonly tryNetwork: (request: TrialRequest) => Promise<JsonObject | TrialFailure>;
}

export interface InstallReport {
  readonly files: readonly PlacedFile[];
  /** File and name of the network that a runtime takes. */
  readonly runtime: { readonly file: string; readonly name: string } | undefined;
  readonly findings: readonly Finding[];
  /** Things other than files that were changed, as sentences. */
  readonly repairs: readonly string[];
}

export interface PlacedFile {
  readonly path: string;
  readonly state: FileState | 'placed';
  /** Where a foreign file is kept now. */
  readonly backup?: string;
  readonly detail: string;
}

/** A plugin of the distribution that ours needs. */
export interface Companion {
  readonly plugin: string;
  /** Where it is: in the folder itself, or where the distribution has it. */
  readonly file: string | undefined;
}
