/** Node and Pod objects as an API server of 1.32 sends them for a kubeadm cluster, names and addresses changed. */

export interface NodeOptions {
  readonly podCidrs?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** Second in which it was created, counted from a fixed moment. */
  readonly age?: number;
  /** Images in its status, which are most of a node's size; 50 is what a kubelet reports at most. */
  readonly images?: number;
}

export interface NodeObject {
  readonly kind: 'Node';
  readonly apiVersion: 'v1';
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly resourceVersion?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly podCIDR?: string;
    readonly podCIDRs?: readonly string[];
    readonly taints?: readonly object[];
  };
  readonly status: {
    readonly conditions: readonly NodeCondition[];
    readonly images: readonly object[];
    readonly [field: string]: unknown;
  };
}

export interface NodeCondition {
  readonly type: string;
  readonly [field: string]: unknown;
}

const EPOCH = Date.UTC(2025, 2, 4, 9, 30, 0);
const time = (second: number): string => new Date(EPOCH + second * 1000).toISOString().replace('.000Z', 'Z');

let uids = 0;

export function nodeObject(name: string, options: NodeOptions = {}): NodeObject {
  const { podCidrs = [], annotations, age = 0, images = 2 } = options;
  const [podCIDR] = podCidrs;
  const ready = (type: string, status: string, reason: string, message: string): NodeCondition => ({
    type,
    status,
    lastHeartbeatTime: time(age + 90),
    lastTransitionTime: time(age + 30),
    reason,
    message,
  });
  return {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: {
      name,
      uid: `5b1c7f0e-6f0a-4a55-9d5e-${(++uids).toString(16).padStart(12, '0')}`,
      creationTimestamp: time(age),
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
      },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: podCIDR === undefined ? {} : { podCIDR, podCIDRs: podCidrs },
    status: {
      capacity: {
        cpu: '8',
        'ephemeral-storage': '101430960Ki',
        'hugepages-2Mi': '0',
        memory: '32863540Ki',
        pods: '110',
      },
      allocatable: {
        cpu: '8',
        'ephemeral-storage': '93478772582',
        'hugepages-2Mi': '0',
        memory: '32761140Ki',
        pods: '110',
      },
      conditions: [
        ready('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        ready('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        ready('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        ready('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      addresses: [
        { type: 'InternalIP', address: '10.77.0.11' },
        { type: 'Hostname', address: name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: {
        machineID: '8a3bd2a6a6a84b3c8a2c1f2f1d7b9f10',
        systemUUID: '0e9f6c3a-30d5-4d0b-8a53-9a2d3d1f0b11',
        bootID: 'c1f0f4f0-7e4e-4f8e-9c59-0ad2c6b1e9d3',
        kernelVersion: '6.1.0-31-amd64',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        containerRuntimeVersion: 'containerd://1.7.24',
        kubeletVersion: 'v1.32.6',
        kubeProxyVersion: 'v1.32.6',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
      images: Array.from({ length: images }, (_, index) => ({
        names: [
          `registry.example.com/team/service-${index}@sha256:${`${index}`.padStart(64, '7b4c09d1e2f3a5b6')}`,
          `registry.example.com/team/service-${index}:v1.${index}.0`,
        ],
        sizeBytes: 31_470_524 + index,
      })),
    },
  };
}

/** What flanneld 0.28 writes for vxlan. */
export function flannelAnnotations(publicIp: string, mac = '96:59:b2:3f:04:ee'): Readonly<Record<string, string>> {
  return {
    'flannel.alpha.coreos.com/backend-data': `{"VNI":1,"VtepMAC":"${mac}"}`,
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': publicIp,
    'kubeadm.alpha.kubernetes.io/cri-socket': 'unix:///var/run/containerd/containerd.sock',
    'node.alpha.kubernetes.io/ttl': '0',
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
  };
}

export function podObject(namespace: string, name: string, nodeName: string): object {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace, uid: '0c0e3c1b-94e7-4a51-9f83-0f3c8a6f0a01', resourceVersion: '771' },
    spec: { nodeName, hostNetwork: true, containers: [{ name: 'kube-flannel', image: 'flannel:v0.28.9' }] },
    status: { phase: 'Running' },
  };
}
