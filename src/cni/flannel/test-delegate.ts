/** A plugin that only writes down how it was called, in a folder with all that the plugin `flannel` needs. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runPlugin } from '#cni/protocol/plugin.ts';
import { flannelPlugin } from './flannel-plugin.ts';

export interface Answer {
  readonly code: number;
  /** What was printed; undefined for nothing. */
  readonly answer: { readonly [name: string]: unknown } | undefined;
  readonly err: string;
}

export interface Asked {
  readonly id?: string;
  readonly ifname?: string;
  readonly netns?: string;
  /** On top of the usual configuration. */
  readonly config?: object;
  readonly timeoutMs?: number;
}

export const SUBNET_FILE = [
  'FLANNEL_NETWORK=10.1.0.0/16',
  'FLANNEL_SUBNET=10.1.17.1/24',
  'FLANNEL_MTU=1472',
  'FLANNEL_IPMASQ=true',
  '',
].join('\n');

export class DelegateFolder {
  readonly path: string;
  readonly dataDir: string;
  readonly subnetFile: string;

  constructor(t: TestContext) {
    this.path = mkdtempSync(join(tmpdir(), 'weft-flannel-'));
    t.after(() => rmSync(this.path, { recursive: true }));
    this.dataDir = join(this.path, 'data/flannel');
    this.subnetFile = join(this.path, 'subnet.env');
    mkdirSync(join(this.path, 'bin'));
    writeFileSync(this.subnetFile, SUBNET_FILE);
    this.delegate();
  }

  /** The delegate does this for a command; the rest is answered well. Shell, in which `$F` is this folder. */
  delegate(on: Readonly<Record<string, string>> = {}): void {
    const result = '{"cniVersion":"1.1.0","ips":[{"address":"10.1.17.2/24","gateway":"10.1.17.1"}]}';
    const cases = [
      ...Object.entries(on).map(([command, script]) => `${command}) ${script} ;;`),
      `ADD) echo '${result}' ;;`,
      `VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}' ;;`,
    ];
    const note =
      'echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS" >> "$F/calls"; cat > "$F/input.$CNI_COMMAND"';
    const script = `#!/bin/sh\nF=${this.path}\n${note}\ncase $CNI_COMMAND in\n${cases.join('\n')}\nesac\n`;
    writeFileSync(join(this.path, 'bin/bridge'), script, { mode: 0o755 });
  }

  /** How the delegate was called since the last look: command, container, interface, namespace. */
  calls(): readonly string[] {
    const file = join(this.path, 'calls');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    rmSync(file, { force: true });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.trim());
  }

  /** The configuration that it got for that command last. */
  given(command: string): { readonly [name: string]: unknown } {
    return JSON.parse(readFileSync(join(this.path, `input.${command}`), 'utf8'));
  }

  state(name: string): string {
    return readFileSync(join(this.dataDir, name), 'utf8');
  }

  writeState(name: string, text: string): void {
    mkdirSync(this.dataDir, { recursive: true });
    appendFileSync(join(this.dataDir, name), text);
  }

  async ask(command: string, asked: Asked = {}): Promise<Answer> {
    const { id = 'c1', ifname = 'eth0', netns = '', config = {}, timeoutMs } = asked;
    let out = '';
    let err = '';
    const environment = {
      PATH: process.env['PATH'],
      WEFT_CONTROL_SOCKET: join(this.path, 'agent.sock'),
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: netns === '' && command !== 'DEL' ? '/proc/self/ns/net' : netns,
      CNI_IFNAME: ifname,
      CNI_PATH: join(this.path, 'bin'),
    };
    const writeError = (text: string): void => {
      err += text;
    };
    const { subnetFile, dataDir } = this;
    const usual = { cniVersion: '1.1.0', name: 'cbr0', type: 'flannel', subnetFile, dataDir };
    const code = await runPlugin(
      flannelPlugin({ environment, writeError, ...(timeoutMs !== undefined && { timeoutMs }) }),
      {
        environment,
        readInput: () => JSON.stringify({ ...usual, ...config }),
        write: (text) => {
          out += text;
        },
        writeError,
      },
    );
    return { code, answer: out === '' ? undefined : JSON.parse(out), err };
  }
}
