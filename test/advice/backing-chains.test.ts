import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { hostOf, vmOf } from './made-host.ts';

interface MadeDisk {
  readonly images?: readonly string[];
  readonly kind?: string;
  readonly depth?: number;
  readonly source?: string;
}

let top = 0;

/** A VM with disks vda, vdb, ..., each with its images, the lowest first. */
function withChains(name: string, ...disks: readonly MadeDisk[]): ObservedVm {
  const vm = vmOf(name, { places: [{ vcpus: 2, run: 0.05 }] });
  const made = disks.map(({ images, kind = 'file', depth = images?.length ?? 0, source }, index) => ({
    target: `vd${'abc'[index]}`,
    source: { kind: 'file', name: source ?? `/images/top-${++top}` },
    backingDepth: depth,
    backing: images?.toReversed().map((image) => ({ kind, name: image })),
    limits: new Map(),
  }));
  return { ...vm, facts: { ...vm.facts, disks: made } } as unknown as ObservedVm;
}

const adviceOn = (vms: readonly ObservedVm[]): readonly Advice[] =>
  advise(hostOf(vms), { minSamples: 5 }).filter(({ kind }) => kind === 'backing-chain-deep');
const commandsOf = (advice: Advice | undefined): readonly string[] =>
  (advice?.remedies ?? []).flatMap(({ steps }) => steps.map(({ argv }) => argv.join(' ')));

const CHAIN = ['/t/template', '/i/one', '/i/two', '/i/three'];

test('of several deep chains of a VM, the deepest is the evidence', () => {
  const disks = [4, 6, 5].map((depth) => ({ depth }));
  expect(adviceOn([withChains('deep', ...disks)])[0]?.victims).toMatchObject([
    { evidence: '6 backing images' },
  ]);
});

test('images are merged into the one above the lowest, which may be a template of VMs that are shut off', () => {
  const [found] = adviceOn([withChains('clone', { images: CHAIN })]);
  expect(commandsOf(found)).toEqual(['virsh blockcommit clone vda --base /i/one --active --pivot --verbose']);
  expect(found?.remedies[0]).toMatchObject({
    change: 'merge the images into the lowest one that no other disk uses',
    risk: expect.stringContaining('VMs that are shut off or on other hosts are not visible here'),
  });
});

test('an image that another disk uses is not written to, nor one below it', () => {
  const clone = withChains('clone', { images: CHAIN });
  const alone = 'virsh blockcommit clone vda --base /i/two --active --pivot --verbose';
  expect(
    commandsOf(adviceOn([clone, withChains('other', { images: ['/t/template', '/i/one'] })])[0]),
  ).toEqual([alone]);
  const off = { ...withChains('off', { source: '/i/one' }), running: false };
  expect(commandsOf(adviceOn([clone, off])[0])).toEqual([alone]);
  // A second disk of the same VM counts as well.
  const both = withChains('both', { images: CHAIN }, { images: ['/t/template', '/i/one', '/i/two'] });
  expect(commandsOf(adviceOn([both])[0])).toEqual([
    'virsh blockcommit both vda --base /i/three --active --pivot --verbose',
  ]);
});

test('where no image is known to belong to the disk alone, there is no command', () => {
  const none = {
    'all shared': adviceOn([withChains('vm', { images: CHAIN }), withChains('other', { images: CHAIN })])[0],
    'earlier recording': adviceOn([withChains('vm', { depth: 4 })])[0],
    network: adviceOn([
      withChains('vm', { images: ['nbd:a', 'nbd:b', 'nbd:c', 'nbd:d'], kind: 'network' }),
    ])[0],
    'image without a name': adviceOn([withChains('vm', { images: ['/a', '', '/c', '/d'] })])[0],
  };
  for (const [what, found] of Object.entries(none)) {
    expect(commandsOf(found), what).toEqual([]);
    expect(found?.remedies[0]?.change, what).toBe(
      'merge the images of vda by hand: it is unknown which of them no other disk uses',
    );
  }
});

test('of two deep chains, one that cannot be merged safely does not keep the other from it', () => {
  const [found] = adviceOn([withChains('two', { images: CHAIN }, { depth: 5 })]);
  expect(commandsOf(found)).toEqual(['virsh blockcommit two vda --base /i/one --active --pivot --verbose']);
  expect(found?.remedies[0]?.change).toBe(
    'merge the images into the lowest one that no other disk uses; merge the images of vdb by hand: it is unknown which of them no other disk uses',
  );
});
