/** The sysctls of the guides (row A8). A kernel that has one of them no longer is no failure. */
const GUIDE_SYSCTLS: Readonly<Record<string, string>> = {
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
  'net.ipv4.ip_forward': '1',
  'net.ipv4.tcp_tw_recycle': '0',
  'vm.swappiness': '0',
  'vm.overcommit_memory': '1',
  'vm.panic_on_oom': '0',
  'fs.inotify.max_user_instances': '8192',
  'fs.inotify.max_user_watches': '1048576',
  'fs.file-max': '52706963',
  'fs.nr_open': '52706963',
  'net.netfilter.nf_conntrack_max': '2310720',
};

/** Every sysctl to set: the guides', IPv6's by choice, and the operator's own, which win. */
export function resolveSysctls(
  values: { readonly [name: string]: string },
  disableIpv6: boolean,
  forwardIpv6: boolean,
): { readonly [name: string]: string } {
  return {
    ...GUIDE_SYSCTLS,
    ...(disableIpv6 && { 'net.ipv6.conf.all.disable_ipv6': '1' }),
    // Pods of other hosts are behind this one.
    ...(forwardIpv6 && { 'net.ipv6.conf.all.forwarding': '1' }),
    ...values,
  };
}
