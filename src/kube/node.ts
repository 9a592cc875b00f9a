/** What we read of a Node object; all else, which is most of it (images, conditions), is dropped at once. */
import type { KubeNode } from './api.ts';
import { fieldsOf, textOf } from './json.ts';

/** Undefined when it is no Node: a name and a resourceVersion is what every object has. */
export function readNode(value: unknown): KubeNode | undefined {
  const node = fieldsOf(value);
  const metadata = fieldsOf(node?.['metadata']);
  const name = textOf(metadata?.['name']);
  const resourceVersion = textOf(metadata?.['resourceVersion']);
  if (node === undefined || metadata === undefined || name === undefined || resourceVersion === undefined) {
    return undefined;
  }
  const created = Date.parse(textOf(metadata['creationTimestamp']) ?? '');
  return {
    name,
    uid: textOf(metadata['uid']) ?? '',
    resourceVersion,
    createdMs: Number.isNaN(created) ? undefined : created,
    annotations: fieldsOf(metadata['annotations']) ?? {},
    podCidrs: podCidrsOf(node['spec']),
    networkUnavailable: networkUnavailableOf(node['status']),
  };
}

function podCidrsOf(value: unknown): readonly string[] {
  const spec = fieldsOf(value);
  const list: unknown = spec?.['podCIDRs'];
  const cidrs = Array.isArray(list) ? list.filter((cidr) => typeof cidr === 'string' && cidr !== '') : [];
  if (cidrs.length > 0) return cidrs;
  const single = textOf(spec?.['podCIDR']);
  return single === undefined || single === '' ? [] : [single];
}

function networkUnavailableOf(value: unknown): string | undefined {
  const conditions: unknown = fieldsOf(value)?.['conditions'];
  if (!Array.isArray(conditions)) return undefined;
  const found = conditions.find((condition) => fieldsOf(condition)?.['type'] === 'NetworkUnavailable');
  return textOf(fieldsOf(found)?.['status']);
}
