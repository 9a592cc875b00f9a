/** When a member of etcd is ready to serve. */
import { setTimeout as pause } from 'node:timers/promises';
import { connectEtcd } from '#etcd/client.ts';
import { Fault } from '#runtime/fault.ts';
import { logTail, type StartedMember } from './etcd-member.ts';

const POLL_MS = 20;

/**
 * Waits until the member answers a linearizable read, that is: it is up and there is a leader; or until that has become
 * pointless. Fault `lab.up` with the end of its log when it ends, or takes longer than `timeoutMs`.
 */
export async function awaitHealthy(
  { member, ended }: StartedMember,
  timeoutMs: number,
  isPointless: () => boolean,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const client = connectEtcd({ endpoints: [member.localEndpoint], timeoutMs: 1_000 });
  try {
    for (;;) {
      const fault = await probe(client);
      if (fault === undefined || isPointless()) return;
      if (ended() || performance.now() > deadline) {
        const what = `etcd member ${member.name} ${ended() ? 'ended' : `was not ready within ${timeoutMs} ms`}`;
        const why = `${fault.summary}; its log ends with:\n${logTail(member.logFile)}`;
        throw new Fault('lab.up', { what, where: member.logFile, why, cause: fault });
      }
      await pause(POLL_MS);
    }
  } finally {
    client.close();
  }
}

/** A member that wants a user has answered, too. */
async function probe(client: ReturnType<typeof connectEtcd>): Promise<Fault | undefined> {
  try {
    await client.range({ key: 'health', countOnly: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error.code === 'etcd.auth' ? undefined : error;
  }
}
