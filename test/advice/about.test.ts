import { expect, test } from 'vitest';
import { isAbout } from '../../advice/about.ts';
import type { Advice, Remedy } from '../../advice/advice.ts';

const [VM, OTHER] = [
  { uuid: 'u1', name: 'web' },
  { uuid: 'u2', name: 'db' },
];
const ADVICE: Advice = {
  kind: 'cpu-overcommit',
  id: 'cpu-overcommit',
  severity: 'bad',
  title: '',
  victims: [],
  evidence: [],
  cause: '',
  culprits: [],
  remedies: [],
  harm: 1,
};
const REMEDY: Remedy = {
  change: '',
  steps: [],
  cost: '',
  payers: [],
  gain: '',
  risk: '',
  effect: 'live',
};
const isAboutVm = (change: Partial<Advice>): boolean =>
  isAbout({ ...ADVICE, ...change }, ({ uuid }) => uuid === VM.uuid);

test('advice is about a VM that suffers, that causes it, that pays for a change, or that a command changes', () => {
  const affected = [OTHER, VM].map((vm) => ({ ...vm, evidence: '' }));
  expect(isAboutVm({ victims: affected })).toBe(true);
  expect(isAboutVm({ culprits: affected })).toBe(true);
  expect(isAboutVm({ remedies: [REMEDY, { ...REMEDY, payers: [OTHER, VM] }] })).toBe(true);
  const steps = [{ argv: [] }, { argv: [], vm: OTHER }, { argv: [], vm: VM }];
  expect(isAboutVm({ remedies: [{ ...REMEDY, steps }] })).toBe(true);
});

test('advice on other VMs, or with commands for the host alone, is not about it', () => {
  const [other] = [{ ...OTHER, evidence: '' }];
  const remedies = [{ ...REMEDY, payers: [OTHER], steps: [{ argv: [] }, { argv: [], vm: OTHER }] }];
  expect(isAboutVm({ victims: [other], culprits: [other], remedies })).toBe(false);
});
