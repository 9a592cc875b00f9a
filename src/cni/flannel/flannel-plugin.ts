/** The CNI plugin `flannel`: takes the host's subnet from the agent's file and lets another plugin, the delegate, do the rest. */
import { parseObject, textMember } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { Plugin } from '#cni/protocol/plugin.ts';
import type { CniRequest, Environment } from '#cni/protocol/request.ts';
import { encodeResult, readResult } from '#cni/protocol/result.ts';
import { COMMIT, VERSION } from '#runtime/version.ts';
import { findAttachment, forgetAttachment, saveAttachment } from './attachment-state.ts';
import {
  type CallDelegate,
  currentDelegate,
  type DelegateOptions,
  delegateCaller,
  delegateOrReason,
  delegateVersions,
} from './call-delegate.ts';
import { checkAttachment, requireNamespace } from './check-attachment.ts';
import { collectGarbage } from './collect-garbage.ts';
import { flannelConfiguration } from './flannel-configuration.ts';
import { parseSaved } from './saved-delegate.ts';

export function flannelPlugin(options: DelegateOptions): Plugin {
  const call = delegateCaller(options);
  // As Go names it.
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return {
    about: `CNI Plugin flannel version ${VERSION} (${process.platform}/${architecture}) commit ${COMMIT}`,
    add: (request) => add(request, call, options.environment),
    del: (request) => del(request, call, options.writeError),
    check: (request) => checkAttachment(request, call),
    status: (request) => status(request, call, options.environment),
    gc: (request) => collectGarbage(request, call),
  };
}

async function add(request: CniRequest, call: CallDelegate, environment: Environment): Promise<string> {
  const { dataDir } = flannelConfiguration(request.config);
  const delegate = await delegateOrReason(request, environment);
  requireNamespace(request.netns);
  // First: whatever the delegate has begun when something goes wrong, DEL finds it.
  saveAttachment(dataDir, request, delegate.text);
  const answer = await call('ADD', request, delegate);
  const members = parseObject(answer, 'result');
  const result = readResult(members, request.version);
  // Plugins of long ago leave the version out; it is the one that was asked for.
  return textMember(members, 'cniversion') === undefined ? encodeResult(result, request.version) : answer;
}

/** The state is kept until the delegate has succeeded, so that a runtime that tries again reaches it again (D-11). */
async function del(request: CniRequest, call: CallDelegate, writeError: (text: string) => void): Promise<void> {
  const { dataDir } = flannelConfiguration(request.config);
  const kept = findAttachment(dataDir, request, request.config.name);
  if (kept === undefined) return;
  const saved = parseSaved(kept.text);
  if (saved !== undefined) await call('DEL', request, saved);
  else if (!(await delAnew(request, call, writeError))) return;
  forgetAttachment(dataDir, kept);
}

/**
 * The state holds rubbish. An error would keep the container from ever going away, so the delegate gets what ADD would
 * give it now; when that does not work either, the file stays for somebody to look at. Says whether it worked.
 */
async function delAnew(request: CniRequest, call: CallDelegate, writeError: (text: string) => void): Promise<boolean> {
  const which = `flannel: the state of container ${request.containerId} is no delegate configuration`;
  try {
    await call('DEL', request, currentDelegate(request));
    writeError(`${which}; cleaned up with a new one\n`);
    return true;
  } catch (error) {
    writeError(`${which}, and is kept; cleaning up with a new one failed: ${String(error)}\n`);
    return false;
  }
}

async function status(request: CniRequest, call: CallDelegate, environment: Environment): Promise<void> {
  try {
    const delegate = await delegateOrReason(request, environment);
    const versions = await delegateVersions(request, delegate, call);
    if (versions?.includes(request.version) === false) {
      const message = `plugin ${delegate.type} does not speak CNI ${request.version}, at most ${versions.at(-1) ?? 'nothing'}`;
      throw new CniError(
        CNI_CODES.notAvailable,
        message,
        'set an older cniVersion in the network list, or install newer plugins',
      );
    }
    await call('STATUS', request, delegate);
  } catch (error) {
    if (!(error instanceof CniError) || error.code === CNI_CODES.limitedConnectivity) throw error;
    throw new CniError(CNI_CODES.notAvailable, error.message, error.details);
  }
}
