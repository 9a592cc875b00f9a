/** How a host is prepared: rows A1 to A15 of the mission. Each can be switched off, most by `false`. */
import { dictionary, list } from '#inventory/shape/collections.ts';
import { object } from '#inventory/shape/object.ts';
import { choice, falseOr, flag, integer, parsedText, text, textOrInteger } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { byteSize, hostName, ip, localPath, serviceName, timeSpan, userName } from './words.ts';

const packageName = text({
  expected: 'the name of a package',
  pattern: /^[a-z0-9][A-Za-z0-9+._-]*$/,
  sample: 'jq',
  longest: 128,
});
const moduleName = text({
  expected: 'the name of a kernel module',
  pattern: /^[A-Za-z0-9_-]{1,56}$/,
  sample: 'vxlan',
});
const sysctlValue = textOrInteger({
  expected: 'a whole number, or text on one line',
  pattern: /^[A-Za-z0-9_.,:/-]+(?:[ \t]+[A-Za-z0-9_.,:/-]+)*$/,
  sample: '1',
  longest: 256,
});
const SYSCTL_KEY = { expected: 'the name of a sysctl, with dots', pattern: /^[a-z0-9_-]+(?:\.[A-Za-z0-9_/-]+)+$/ };
const timeZone = parsedText({
  expected: 'a time zone such as Asia/Shanghai or UTC',
  pattern: /^(?:UTC|[A-Z][A-Za-z_]+(?:\/[A-Z][A-Za-z0-9_+-]+){1,2})$/,
  sample: 'UTC',
  longest: 64,
  parse: (name) => (isTimeZone(name) ? name : undefined),
});

const hostsEntry = object((fields) => ({
  address: fields.required('address', 'the address', ip),
  names: fields.required('names', 'its names', list(hostName, { least: 1, most: 16, unique: true })),
}));

const hostsFile = object((fields) => ({
  extra: fields.fallback('extra', 'more entries, such as a registry', list(hostsEntry, { most: 256 }), []),
}));

/** The guides' packages; a package manager's own names for them are the phase's business. */
const PACKAGES = ['conntrack', 'ipvsadm', 'ipset', 'jq', 'sysstat', 'curl', 'iptables', 'libseccomp'];

const sysctl = object((fields) => ({
  values: fields.fallback(
    'values',
    "sysctls beside the guides' set, or in place of one of it",
    dictionary(SYSCTL_KEY, sysctlValue, 256),
    {},
  ),
  disableIpv6: fields.fallback('disableIpv6', 'net.ipv6.conf.all.disable_ipv6=1, as in the guides', flag, false),
}));

const time = object((fields) => ({
  zone: fields.optional('zone', 'time zone; absent: stays as it is', timeZone),
  maxSkewSeconds: fields.fallback('maxSkewSeconds', 'most that clocks may differ', integer(1, 300, 'seconds'), 5),
}));

const journald = object((fields) => ({
  syncInterval: fields.fallback('syncInterval', 'SyncIntervalSec', timeSpan, '5m'),
  rateLimitInterval: fields.fallback('rateLimitInterval', 'RateLimitIntervalSec', timeSpan, '30s'),
  rateLimitBurst: fields.fallback('rateLimitBurst', 'RateLimitBurst', integer(0, 1_000_000), 1000),
  systemMaxUse: fields.fallback('systemMaxUse', 'SystemMaxUse', byteSize, '10G'),
  systemMaxFileSize: fields.fallback('systemMaxFileSize', 'SystemMaxFileSize', byteSize, '200M'),
  maxRetention: fields.fallback('maxRetention', 'MaxRetentionSec', timeSpan, '2week'),
  forwardToSyslog: fields.fallback('forwardToSyslog', 'ForwardToSyslog', flag, false),
}));

const services = list(serviceName, { most: 64, unique: true });

export const system = object((fields) => ({
  hostname: fields.fallback('hostname', 'A1: the name in the inventory becomes the host name', flag, true),
  hostsFile: fields.fallback('hostsFile', 'A1: every host is in the hosts file', falseOr(hostsFile), {}),
  authorizedKeys: fields.fallback(
    'authorizedKeys',
    "A2: public key files on this machine that may log in as root, beside the operator's",
    list(localPath, { most: 64, unique: true }),
    [],
  ),
  packages: fields.fallback(
    'packages',
    "A3: packages to install, by the guides' names",
    falseOr(list(packageName, { most: 128, unique: true })),
    PACKAGES,
  ),
  firewall: fields.fallback(
    'firewall',
    'A4: open the ports that roles need; or off, as in the guides; or keep as it is',
    choice(['open', 'off', 'keep']),
    'open',
  ),
  swap: fields.fallback('swap', 'A5: swap off now and after a reboot, or keep', choice(['off', 'keep']), 'off'),
  selinux: fields.fallback(
    'selinux',
    'A6: where it is present',
    choice(['permissive', 'disabled', 'keep']),
    'permissive',
  ),
  modules: fields.fallback(
    'modules',
    'A7: kernel modules that are loaded now and at boot',
    falseOr(list(moduleName, { most: 64, unique: true })),
    ['br_netfilter', 'ip_vs', 'vxlan'],
  ),
  sysctl: fields.fallback('sysctl', "A8: the guides' sysctls", falseOr(sysctl), {}),
  time: fields.fallback('time', 'A9: time zone, and whether clocks agree', falseOr(time), {}),
  journald: fields.fallback('journald', 'A10: the journal on disk, with limits', falseOr(journald), {}),
  servicesOff: fields.fallback('servicesOff', 'A11: services that are stopped where present', services, [
    'postfix',
    'dnsmasq',
  ]),
  user: fields.fallback('user', 'A12: user to make', falseOr(userName), 'docker'),
  environmentScript: fields.fallback(
    'environmentScript',
    "A13: the guides' environment.sh, sourced by root's profile",
    flag,
    true,
  ),
  bootReport: fields.fallback('bootReport', 'A14: kernels known to be bad, and NUMA, are reported', flag, true),
  foreignManagers: fields.fallback(
    'foreignManagers',
    'A15: systemd-networkd, NetworkManager and udev leave our devices alone',
    flag,
    true,
  ),
  limits: fields.fallback(
    'limits',
    "guide 003: open files and processes of every user on load balancers; false: the distribution's",
    falseOr(integer(1024, 1_048_576)),
    false,
  ),
}));

export type SystemSection = ValueOf<typeof system>;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    // RangeError is how Intl says that it knows no such zone.
    return false;
  }
}
