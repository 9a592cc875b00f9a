/** Where things are on a host: the presets, and what differs from them. */
import { type Fields, object } from '#inventory/shape/object.ts';
import { choice } from '#inventory/shape/scalars.ts';
import { hostPath } from './words.ts';

export const PRESETS = ['guide-000', 'guide-003', 'fhs'] as const;
export type Preset = (typeof PRESETS)[number];

interface Row {
  readonly about: string;
  readonly places: Readonly<Record<Preset, string>>;
}

function row(about: string, guide000: string, guide003: string, fhs: string): Row {
  return { about, places: { 'guide-000': guide000, 'guide-003': guide003, fhs } };
}

function same(about: string, place: string): Row {
  return row(about, place, place, place);
}

/** What a guide has no word for is as in `fhs`. */
export const PATH_TABLE = {
  binaries: row(
    'etcd, etcdctl, kubectl, flanneld, mk-docker-opts.sh',
    '/usr/local/bin',
    '/opt/k8s/bin',
    '/usr/local/bin',
  ),
  units: row('systemd units', '/usr/lib/systemd/system', '/etc/systemd/system', '/etc/systemd/system'),
  work: row('certificate requests and what is made of them', '/root/cert', '/opt/k8s/work', '/var/lib/weft/work'),
  downloads: row('archives', '/root/soft', '/opt/k8s/work', '/var/cache/weft'),
  templates: row('unit templates', '/root/service', '/opt/k8s/work', '/var/lib/weft/work'),
  environmentScript: row(
    "the guides' variables",
    '/etc/kubernetes/environment.sh',
    '/opt/k8s/bin/environment.sh',
    '/etc/kubernetes/environment.sh',
  ),
  profile: row('profile of root that sources them', '/root/.bash_profile', '/root/.bashrc', '/root/.profile'),
  kubernetes: same('configuration of Kubernetes', '/etc/kubernetes'),
  caCertificates: row('ca.pem, ca-config.json', '/etc/kubernetes/cert', '/etc/kubernetes/cert', '/etc/weft/pki'),
  etcd: same('configuration of etcd', '/etc/etcd'),
  etcdCertificates: row('etcd.pem, etcd-key.pem', '/etc/etcd/cert', '/etc/etcd/cert', '/etc/etcd/pki'),
  etcdData: row("etcd's data", '/opt/etcd', '/data/k8s/etcd/data', '/var/lib/etcd'),
  etcdWal: row("etcd's write-ahead log", '/opt/etcd/member/wal', '/data/k8s/etcd/wal', '/var/lib/etcd/member/wal'),
  agent: row('configuration of the agent', '/etc/flanneld', '/etc/flanneld', '/etc/weft'),
  agentCertificates: row('flanneld.pem, flanneld-key.pem', '/etc/flanneld/cert', '/etc/flanneld/cert', '/etc/weft/pki'),
  subnetFile: same("the agent's word to container runtimes", '/run/flannel/subnet.env'),
  dockerOptions: same('what mk-docker-opts.sh writes', '/run/flannel/docker'),
  dockerDropIn: same('drop-in for docker', '/etc/systemd/system/docker.service.d/weft.conf'),
  dockerData: row("docker's data", '/var/lib/docker', '/data/k8s/docker', '/var/lib/docker'),
  kubernetesData: row('data of Kubernetes', '/var/lib/kubernetes', '/data/k8s/k8s', '/var/lib/kubernetes'),
  cniBinaries: same('CNI plugins', '/opt/cni/bin'),
  cniConfiguration: same('CNI network lists', '/etc/cni/net.d'),
  kubeconfig: same("root's kubeconfig", '/root/.kube/config'),
  sysctl: same('sysctls', '/etc/sysctl.d/kubernetes.conf'),
  modules: same('kernel modules at boot', '/etc/modules-load.d/weft.conf'),
  journald: row(
    'limits of the journal',
    '/etc/systemd/journald.conf.d/99-weft.conf',
    '/etc/systemd/journald.conf.d/99-prophet.conf',
    '/etc/systemd/journald.conf.d/99-weft.conf',
  ),
  journal: same('the journal', '/var/log/journal'),
  limits: row(
    'limits of users',
    '/etc/security/limits.d/weft.conf',
    '/etc/security/limits.conf',
    '/etc/security/limits.d/weft.conf',
  ),
  proxyPrefix: row('home of the proxy', '/var/lib/kube-nginx', '/opt/k8s/kube-nginx', '/var/lib/kube-nginx'),
  proxyProgram: row('nginx', '/usr/sbin/nginx', '/opt/k8s/kube-nginx/sbin/kube-nginx', '/usr/sbin/nginx'),
  proxyConfiguration: row(
    'its configuration',
    '/etc/kube-nginx/kube-nginx.conf',
    '/opt/k8s/kube-nginx/conf/kube-nginx.conf',
    '/etc/kube-nginx/kube-nginx.conf',
  ),
  proxyLogs: row('its logs', '/var/log/kube-nginx', '/opt/k8s/kube-nginx/logs', '/var/log/kube-nginx'),
  proxyCheck: row(
    'health check of the proxy',
    '/usr/local/libexec/weft-check-proxy',
    '/opt/chk_nginx.sh',
    '/usr/local/libexec/weft-check-proxy',
  ),
  keepalived: same('configuration of keepalived', '/etc/keepalived/keepalived.conf'),
  weft: same('weft itself', '/opt/weft'),
  weftConfiguration: same("weft's configuration", '/etc/weft'),
  weftCache: same("weft's cache", '/var/lib/weft'),
  weftRun: same("weft's run state", '/run/weft'),
} as const satisfies Readonly<Record<string, Row>>;

export type PathName = keyof typeof PATH_TABLE;
export type Paths = Readonly<Record<PathName, string>>;
export type PathOverrides = Readonly<Partial<Record<PathName, string>>>;

export const PATH_NAMES: readonly PathName[] = Object.keys(PATH_TABLE).filter(isPathName);

function isPathName(name: string): name is PathName {
  return name in PATH_TABLE;
}

/** Paths that differ from the preset. */
export const pathOverrides = object(readOverrides);

export const paths = object((fields) => {
  const preset = fields.fallback(
    'preset',
    'where things are: as in guide 000, as in guide 003, or where distributions put them',
    choice(PRESETS),
    'fhs',
  );
  return { preset, given: readOverrides(fields) };
});

function readOverrides(fields: Fields): PathOverrides {
  const given: Partial<Record<PathName, string>> = {};
  for (const name of PATH_NAMES) {
    const path = fields.optional(name, PATH_TABLE[name].about, hostPath);
    if (path !== undefined) given[name] = path;
  }
  return given;
}

/** The preset's paths with what differs; later ones win. etcd's log follows its data where the preset keeps it there. */
export function resolvePaths(preset: Preset, ...overrides: readonly PathOverrides[]): Paths {
  const given: PathOverrides = Object.assign({}, ...overrides);
  const result: Partial<Record<PathName, string>> = {};
  for (const name of PATH_NAMES) result[name] = given[name] ?? PATH_TABLE[name].places[preset];
  const data = PATH_TABLE.etcdData.places[preset];
  const log = PATH_TABLE.etcdWal.places[preset];
  if (given.etcdWal === undefined && log.startsWith(`${data}/`)) {
    result.etcdWal = `${given.etcdData ?? data}${log.slice(data.length)}`;
  }
  if (!isComplete(result)) throw new Error('a path has no row in PATH_TABLE');
  return result;
}

function isComplete(paths: PathOverrides): paths is Paths {
  return PATH_NAMES.every((name) => name in paths);
}
