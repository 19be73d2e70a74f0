import { expect, test } from 'vitest';
import type { AdviceKind } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { hostOf, type MadeVm, vmOf } from './made-host.ts';

const persistent = (vm: ObservedVm, marks: { persistent: boolean } | undefined): ObservedVm =>
  ({
    ...vm,
    sample: { ...vm.sample, summary: { ...vm.sample.summary, marks } },
  }) as unknown as ObservedVm;

const CASES: readonly (readonly [AdviceKind, MadeVm, readonly string[]])[] = [
  [
    'guest-memory-starved',
    { places: [{ vcpus: 2, run: 0.05 }], gib: 4, swapInKiB: 500, usable: 0.02 },
    ['virsh setmaxmem vm 5242880 --config', 'virsh setmem vm 5242880 --config'],
  ],
  ['wide-vm', { places: [{ vcpus: 8, pins: '0-3', run: 4, delay: 4 }] }, ['virsh setvcpus vm 4 --config']],
];

test.each(CASES)(
  '%s has no command for the next start of a transient VM, which has no definition',
  (kind, made, commands) => {
    const remedyOf = (marks: { persistent: boolean } | undefined) =>
      advise(hostOf([persistent(vmOf('vm', made), marks)]), { minSamples: 5 })
        .find((each) => each.kind === kind)
        ?.remedies.find(({ effect }) => effect === 'next boot');
    for (const marks of [{ persistent: true }, undefined])
      expect(remedyOf(marks)?.steps.map(({ argv }) => argv.join(' '))).toEqual(commands);
    expect(remedyOf({ persistent: false })).toMatchObject({
      steps: [],
      change: expect.stringMatching(/, by hand, where it is created: it is transient/),
    });
  },
);
