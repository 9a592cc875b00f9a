/** GC: what is kept for attachments that are no longer there is given back, then the delegate collects its own. */
import { type Attachment, type JsonObject, validAttachments } from '#cni/protocol/configuration.ts';
import { CniError } from '#cni/protocol/error.ts';
import type { CniRequest } from '#cni/protocol/request.ts';
import { forgetAttachment, type KeptAttachment, listAttachments, removeLeftovers } from './attachment-state.ts';
import { type CallDelegate, currentDelegate, delegateVersions } from './call-delegate.ts';
import { flannelConfiguration } from './flannel-configuration.ts';
import { parseSaved } from './saved-delegate.ts';

/** Interface of a container that flannel's plugin does not write down; runtimes name the first one so. */
const USUAL_IFNAME = 'eth0';

/** Does all it can, then throws the first CniError with the number of those that failed. */
export async function collectGarbage(request: CniRequest, call: CallDelegate): Promise<void> {
  const { config } = request;
  const valid = validAttachments(config);
  const { dataDir } = flannelConfiguration(config);
  const failures: CniError[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      failures.push(error);
    }
  };
  for (const kept of listAttachments(dataDir)) {
    const saved = parseSaved(kept.text);
    // The folder may be shared with other networks, whose attachments the list does not have.
    if (saved?.name !== config.name || isValid(kept, valid)) continue;
    await attempt(async () => {
      const { containerId, ifname = USUAL_IFNAME } = kept;
      await call('DEL', request, saved, { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_NETNS: '' });
      forgetAttachment(dataDir, kept);
    });
  }
  removeLeftovers(dataDir);
  await attempt(() => delegateGarbage(request, valid, call));
  const [first] = failures;
  if (first === undefined) return;
  const more = failures.length === 1 ? '' : ` (and ${failures.length - 1} more failures)`;
  throw new CniError(first.code, `${first.message}${more}`, first.details);
}

function isValid(kept: KeptAttachment, valid: readonly Attachment[]): boolean {
  return valid.some(
    ({ containerId, ifname }) =>
      containerId === kept.containerId && (kept.ifname === undefined || ifname === kept.ifname),
  );
}

/** Delegates of before 1.1 have no GC; what they hold was given back by DEL. */
async function delegateGarbage(request: CniRequest, valid: readonly Attachment[], call: CallDelegate): Promise<void> {
  const delegate = currentDelegate(request);
  const versions = await delegateVersions(request, delegate, call);
  if (versions?.includes(request.version) !== true) return;
  const attachments = valid.map(({ containerId, ifname }): JsonObject => ({ containerID: containerId, ifname }));
  const lists = { 'cni.dev/valid-attachments': attachments, 'cni.dev/attachments': attachments };
  await call('GC', request, { type: delegate.type, text: JSON.stringify({ ...JSON.parse(delegate.text), ...lists }) });
}
