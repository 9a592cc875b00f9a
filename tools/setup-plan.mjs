// What setup decides, as pure functions: which Debian packages are missing and why they are needed, whether npm's tree is
// the locked one, whether this system is one that setup knows. Plain JavaScript: it runs before anything is installed.

/**
 * @typedef {{ name: string, why: string, probes: string[], services?: string[] }} DebianPackage
 * `probes`: programs looked up on PATH, or a file when it starts with `/`; all must be there. `services`: units that Debian
 * starts when it installs the package, which nobody asked for.
 */

/** @type {readonly DebianPackage[]} */
export const DEBIAN_PACKAGES = [
  { name: 'etcd-server', why: "the lab's etcd members", probes: ['etcd'], services: ['etcd.service'] },
  { name: 'etcd-client', why: 'etcdctl, to look into etcd', probes: ['etcdctl'] },
  { name: 'iproute2', why: 'ip, bridge and tc: namespaces and looking at the result', probes: ['ip', 'bridge', 'tc'] },
  { name: 'iptables', why: 'firewall rules in lab hosts', probes: ['iptables'] },
  { name: 'nftables', why: 'firewall rules in lab hosts', probes: ['nft'] },
  {
    name: 'containernetworking-plugins',
    why: 'CNI plugins that flannel delegates to',
    probes: ['/usr/lib/cni/bridge', '/usr/lib/cni/host-local', '/usr/lib/cni/portmap'],
  },
  {
    name: 'docker.io',
    why: 'a docker daemon for every lab host (--pods docker)',
    probes: ['dockerd', 'docker'],
    services: ['docker.socket', 'docker.service', 'containerd.service'],
  },
  { name: 'busybox-static', why: "the image of the lab's containers", probes: ['busybox'] },
  { name: 'iputils-ping', why: 'ping between Pods', probes: ['ping'] },
  { name: 'fping', why: 'the all-pairs matrix', probes: ['fping'] },
  { name: 'iperf3', why: 'throughput', probes: ['iperf3'] },
  { name: 'wireguard-go', why: 'WireGuard for kernels without it', probes: ['wireguard-go'] },
  { name: 'wireguard-tools', why: 'wg, to look at tunnels', probes: ['wg'] },
  { name: 'gcc', why: 'compiles the native part', probes: ['gcc'] },
  { name: 'libc6-dev', why: "the C library's headers for the native part", probes: ['/usr/include/stdio.h'] },
  { name: 'make', why: 'builds the native part', probes: ['make'] },
  {
    name: 'golang-cfssl',
    why: 'the certificates of weft certs are compared with its own',
    probes: ['cfssl', 'cfssljson'],
  },
  { name: 'openssl', why: 'looks at certificates in tests', probes: ['openssl'] },
  { name: 'procps', why: 'ps and sysctl', probes: ['ps', 'sysctl'] },
  { name: 'util-linux', why: 'nsenter and unshare', probes: ['nsenter', 'unshare'] },
];

/**
 * The packages of which something is missing.
 * @param {(probe: string) => boolean} exists whether a program is on PATH, or an absolute path is there
 * @returns {DebianPackage[]}
 */
export function missingPackages(exists) {
  return DEBIAN_PACKAGES.filter((entry) => !entry.probes.every(exists));
}

/**
 * The units that installing these packages would start.
 * @param {readonly DebianPackage[]} packages
 * @returns {string[]}
 */
export function servicesOf(packages) {
  return packages.flatMap((entry) => entry.services ?? []);
}

/**
 * Whether a system with this /etc/os-release has Debian's packages (Debian or a descendant of it).
 * @param {string} osRelease
 */
export function isDebianLike(osRelease) {
  const words = [...osRelease.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );
  return words.includes('debian');
}

/**
 * Whether npm has installed exactly what package-lock.json names; packages for other platforms may be absent.
 * @param {string} lockText package-lock.json
 * @param {string} installedText node_modules/.package-lock.json, npm's own record of what is there
 */
export function npmTreeIsCurrent(lockText, installedText) {
  /** @type {Record<string, { version?: string, integrity?: string, optional?: boolean }>} */
  const locked = JSON.parse(lockText).packages;
  /** @type {typeof locked} */
  const installed = JSON.parse(installedText).packages;
  return Object.entries(locked).every(([path, entry]) => {
    const there = installed[path];
    if (path === '' || (there === undefined && entry.optional === true)) return true;
    return there !== undefined && there.version === entry.version && there.integrity === entry.integrity;
  });
}

/**
 * The version of the `node` package that package-lock.json pins.
 * @param {string} lockText
 * @returns {string}
 */
export function pinnedNodeVersion(lockText) {
  return JSON.parse(lockText).packages['node_modules/node'].version;
}
