/** What a tree is rendered with, beside the flow. */
export interface RenderOptions {
  /** Before the name of each service: `ghcr.io/owner`. */
  registry: string;
  /** Of the images. */
  version: string;
  /** What all instances of one station may have open together in its database, or to its server. */
  maxConnections: number;
  /** The images hold the flow: neither ConfigMaps nor a volume of data. */
  flowInImage: boolean;
}

export const DEFAULTS = { registry: 'ghcr.io/quadrille', maxConnections: 20 } as const;
