import { expect, test } from 'vitest';
import { sbomOf } from '../../build/sbom.ts';

const bundled = (serialNumber: string, timestamp: string) => ({
  bomFormat: 'CycloneDX',
  serialNumber,
  metadata: { timestamp, component: { 'bom-ref': 'virtune-bundled@1.2.3' } },
  components: [{ 'bom-ref': 'zod@4.0.0', type: 'library' }],
  dependencies: [
    { ref: 'virtune-bundled@1.2.3', dependsOn: ['zod@4.0.0'] },
    { ref: 'zod@4.0.0', dependsOn: [] },
  ],
});
const product = { version: '1.2.3', nodeVersion: '26.10.0', dateSeconds: 86_400 };

test('the bill of materials has the bundled packages and Node.js, below virtune', () => {
  const { metadata, components, dependencies } = sbomOf(bundled('urn:a', 'today'), product);
  expect(metadata.component).toMatchObject({ name: 'virtune', version: '1.2.3' });
  expect(components).toEqual([
    { 'bom-ref': 'zod@4.0.0', type: 'library' },
    expect.objectContaining({ cpe: 'cpe:2.3:a:nodejs:node.js:26.10.0:*:*:*:*:*:*:*' }),
  ]);
  expect(dependencies).toEqual([
    { ref: 'virtune@1.2.3', dependsOn: ['zod@4.0.0', 'node@26.10.0'] },
    { ref: 'zod@4.0.0', dependsOn: [] },
    { ref: 'node@26.10.0', dependsOn: [] },
  ]);
});

test('two of one commit are equal, whenever they were made', () => {
  const [one, two] = [sbomOf(bundled('urn:a', 'today'), product), sbomOf(bundled('urn:b', 'later'), product)];
  expect(one).toEqual(two);
  expect(one.metadata.timestamp).toBe('1970-01-02T00:00:00.000Z');
});
