/** What all builders here make: resources of Kubernetes as plain data, and what they have in common. */
import { createHash } from 'node:crypto';

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/ */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: unknown;
}

export interface Metadata {
  name: string;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
}

/** A process of a flow, as its resources are named and found. */
export interface Part {
  flow: string;
  /** A station's name, or `quadrille-replay` or `quadrille-provision` of the engine. */
  component: string;
  /** The service it is: `extractor`, `transformer`, `enricher`, `loader`, `replay`, `cli`. */
  service: string;
}

/** RFC 1123, as names of Services and values of labels: at most 63. */
const NAME_LIMIT = 63;

/** The parts joined by hyphens: a name for every kind of resource, and a value of labels. */
export function resourceName(...parts: readonly string[]): string {
  return fitted(parts.join('-'), NAME_LIMIT);
}

/**
 * A name that Kubernetes takes: lower case letters, digits, hyphens and dots. Names that fit stay as they are; what does
 * not is cut, and told apart by a digest of the whole.
 */
export function fitted(whole: string, limit: number): string {
  const name = whole.replace(/[^a-z0-9.-]/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  if (name === whole && name.length <= limit) return name;
  const cut = name.slice(0, limit - 9).replace(/[^a-z0-9]+$/, '');
  return `${cut}-${digestOf(whole)}`;
}

/** Eight hexadecimal digits that stand for a text. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** Labels by which a flow's pods are selected: all of them, or those of one part. Never changed: selectors are immutable. */
export const flowLabels = (flow: string): Record<string, string> => ({
  'app.kubernetes.io/part-of': 'quadrille',
  'app.kubernetes.io/instance': fitted(flow, NAME_LIMIT),
});

export const partLabels = ({ flow, component }: Pick<Part, 'flow' | 'component'>): Record<string, string> => ({
  ...flowLabels(flow),
  'app.kubernetes.io/component': fitted(component, NAME_LIMIT),
});

export const allLabels = (part: Part): Record<string, string> => ({
  ...partLabels(part),
  'app.kubernetes.io/name': `quadrille-${part.service}`,
});
