/** The fast path of this host, loaded when there is something to follow: after the first pass, when READY is near. */
import type { FastPathFollower } from '#agent/driver.ts';
import type { FastPath } from '#agent/fast-path/fast-path.ts';
import type { FastPathWish } from '#agent/reconcile/fast-path-wish.ts';
import type { Clock } from '#runtime/clock.ts';
import { runCommand } from '#runtime/command.ts';
import type { Log } from '#runtime/log.ts';

export function openFastPath(clock: Clock, log: Log): FastPathFollower {
  let loading: Promise<void> | undefined;
  let path: FastPath | undefined;
  let wanted: FastPathWish | undefined;
  let stopped = false;
  const load = async (): Promise<void> => {
    const { FastPath } = await import('#agent/fast-path/fast-path.ts');
    const { BpfPathKernel } = await import('#agent/fast-path/bpf-path-kernel.ts');
    const { lookAtFirewall } = await import('#agent/fast-path/look-at-firewall.ts');
    const { watchNftables } = await import('#firewall/events.ts');
    if (stopped) return;
    path = new FastPath({
      openKernel: () => new BpfPathKernel(),
      lookAtFirewall: () => lookAtFirewall(runCommand),
      watchFirewall: (listener) => watchNftables(listener, undefined, () => true),
      clock,
      log,
    });
    path.follow(wanted);
  };
  return {
    follow(wish) {
      if (wish === undefined) return;
      wanted = wish;
      if (path === undefined) loading ??= load();
      else path.follow(wish);
    },
    report: () => path?.report() ?? { state: 'starting', pods: [] },
    async stop() {
      stopped = true;
      await loading;
      path?.stop();
    },
  };
}
