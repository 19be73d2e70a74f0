import { expect, test } from 'vitest';
import { advise } from '../../../advice/engine.ts';
import { hostOf, vmOf } from '../made-host.ts';

test('vCPUs that wait for each other on a few pinned CPUs are counted without those that run anywhere', () => {
  const vm = vmOf('mixed', {
    places: [
      { vcpus: 3, pins: '0-1', run: 1.8, delay: 0.9 },
      { vcpus: 3, run: 0.1 },
    ],
  });
  const found = advise(hostOf([vm]), { minSamples: 5 }).find(({ kind }) => kind === 'wide-vm');
  expect(found).toMatchObject({
    title: '3 vCPUs run on 2 CPUs, and wait for each other',
    cause: 'its pins keep 3 vCPUs on CPU 0-1',
  });
  // Not setvcpus: it has fewer vCPUs than all the CPUs that it may use.
  const commands = found?.remedies.flatMap(({ steps }) => steps.map(({ argv }) => argv[1])) ?? [];
  expect(new Set(commands)).toEqual(new Set(['vcpupin']));
});
