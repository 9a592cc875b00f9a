/** Traffic: the agent's hand on the host's firewall. The modules behind it are loaded when rules are first wanted. */

import type { DesiredFirewall } from '#firewall/desired.ts';
import type { Firewall, FirewallScope } from '#firewall/firewall.ts';
import type { FirewallOutcome } from '#firewall/outcome.ts';

export interface Traffic {
  /** Makes the rules as desired. Throws a Fault `firewall.*`. */
  reconcile(desired: DesiredFirewall, extent: FirewallScope['extent']): Promise<FirewallOutcome>;
  /** Calls `listener` when rules that concern us may have changed, with the programs that did, where the kernel tells. */
  watch(listener: (by: readonly string[]) => void): void;
  close(): void;
}

/** `open` gives the host's firewall, the real one or a fake. */
export function openTraffic(open: () => Promise<Firewall>): Traffic {
  let opened: Promise<Firewall> | undefined;
  let end: (() => void) | undefined;
  let closed = false;
  const firewall = (): Promise<Firewall> => {
    opened ??= open();
    return opened;
  };
  return {
    async reconcile(desired, extent) {
      const { reconcileFirewall } = await import('#firewall/reconcile-firewall.ts');
      const { describeFinding, describeWritten } = await import('#firewall/describe.ts');
      const plan = await reconcileFirewall(await firewall(), desired, extent);
      return { written: plan.transactions.flatMap(describeWritten), findings: plan.findings.map(describeFinding) };
    },
    watch(listener) {
      void firewall().then((found) => {
        if (!closed) end ??= found.watch(listener);
      });
    },
    close() {
      closed = true;
      end?.();
    },
  };
}
