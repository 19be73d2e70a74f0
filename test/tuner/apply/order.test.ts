import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inValidOrder, undoOrder } from '../../../tuner/apply/order.ts';
import type { Step, StepDomain } from '../../../tuner/steps/step.ts';

const DB: StepDomain = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const WEB: StepDomain = { uuid: '22222222-2222-4333-8444-555555555555', name: 'web02' };

const ofDomain = (domain: StepDomain): Step[] => [
  { kind: 'ioThread', domain, id: 2, to: 'present' },
  { kind: 'ioThreadPin', domain, id: 2, to: '1' },
  { kind: 'vcpuPin', domain, vcpu: 0, to: '1' },
  { kind: 'ioThread', domain, id: 1, to: 'absent' },
  { kind: 'definition', domain, to: '<domain/>' },
  { kind: 'mark', domain, to: null },
];
const restart = (domain: StepDomain): Step => ({ kind: 'restart', domain, to: 'restarted' });
const grow: Step = { kind: 'hostPages', cell: 0, sizeKiB: 2048, to: 64 };
const shrink: Step = { kind: 'hostPages', cell: 1, sizeKiB: 2048, to: 0 };
const shrinks = (step: Step): boolean => step === shrink;

const shuffled = (steps: readonly Step[]): fc.Arbitrary<Step[]> =>
  fc.shuffledSubarray([...steps], { minLength: steps.length });

/** Whether every one of the first stands before every one of the second, of what is there. */
function before(
  order: readonly Step[],
  first: (step: Step) => boolean,
  second: (step: Step) => boolean,
): boolean {
  const last = order.findLastIndex(first);
  const next = order.findIndex(second);
  return last < 0 || next < 0 || last < next;
}

test('from any order comes one that is valid at each point', () => {
  const all = [grow, shrink, ...ofDomain(DB), restart(DB), ...ofDomain(WEB)];
  fc.assert(
    fc.property(shuffled(all), (steps) => {
      const order = inValidOrder(steps, shrinks);
      expect(new Set(order)).toEqual(new Set(steps));
      expect(order).toHaveLength(steps.length);
      // What domains stand on comes before them, and goes after them.
      expect(order[0]).toBe(grow);
      expect(order.at(-1)).toBe(shrink);
      for (const domain of [DB, WEB]) {
        const own = order.filter((step) => 'domain' in step && step.domain === domain);
        const is = (kind: Step['kind']) => (step: Step) => step.kind === kind;
        const added = (step: Step): boolean => step.kind === 'ioThread' && step.to === 'present';
        expect(before(own, added, is('ioThreadPin'))).toBe(true);
        expect(before(own, is('definition'), is('restart'))).toBe(true);
        expect(own.at(-1)?.kind).toBe('mark');
        // A restart takes all from the definition: what is set live before it would be lost.
        if (own.some(is('restart'))) expect(before(own, is('restart'), is('vcpuPin'))).toBe(true);
        else expect(before(own, is('vcpuPin'), is('definition'))).toBe(true);
      }
    }),
  );
});

test("an order of the plan's own that is valid stays as it is", () => {
  const steps = [grow, ...ofDomain(DB), ...ofDomain(WEB)];
  expect(inValidOrder(steps, shrinks)).toEqual(steps);
});

test('a rollback is the apply in reverse, but a domain starts only on its old definition', () => {
  const steps = inValidOrder([grow, ...ofDomain(DB), restart(DB), ...ofDomain(WEB)], shrinks);
  const back = undoOrder(steps, []).map(({ index }) => steps[index] as Step);
  expect(new Set(back)).toEqual(new Set(steps));
  expect(back.at(-1)).toBe(grow);
  const of = (kind: Step['kind'], domain: StepDomain): number =>
    back.findIndex((step) => step.kind === kind && 'domain' in step && step.domain === domain);
  expect(of('restart', DB)).toBe(of('definition', DB) + 1);
  expect(back.filter(({ kind }) => kind !== 'restart')).toEqual(
    steps.filter(({ kind }) => kind !== 'restart').reverse(),
  );
});

test('restarts that a rollback adds are executed right after the definition that they are for', () => {
  const steps = [...ofDomain(DB), ...ofDomain(WEB)];
  const back = undoOrder(steps, [restart(WEB)]);
  const at = back.findIndex(({ how }) => how === 'execute');
  expect(back[at]?.index).toBe(steps.length);
  expect(steps[back[at - 1]?.index ?? -1]).toMatchObject({ kind: 'definition', domain: WEB });
});

/** The same, in words. */
const words = (steps: readonly Step[]): string[] =>
  steps.map((step) =>
    'domain' in step
      ? `${step.domain.name} ${step.kind}${step.kind === 'ioThread' ? ` ${step.to}` : ''}`
      : `cell ${(step as typeof grow & { cell: number }).cell}`,
  );

test('without a restart what is live comes before the definition, and with one after it', () => {
  const reversed = [grow, ...ofDomain(DB), shrink].toReversed();
  expect(words(inValidOrder(reversed, shrinks))).toEqual([
    'cell 0',
    'db01 ioThread present',
    'db01 vcpuPin',
    'db01 ioThreadPin',
    'db01 ioThread absent',
    'db01 definition',
    'db01 mark',
    'cell 1',
  ]);
  expect(words(inValidOrder([restart(DB), ...reversed], shrinks))).toEqual([
    'cell 0',
    'db01 definition',
    'db01 restart',
    'db01 ioThread present',
    'db01 vcpuPin',
    'db01 ioThreadPin',
    'db01 ioThread absent',
    'db01 mark',
    'cell 1',
  ]);
});

const define = (domain: StepDomain): Step => ({ kind: 'definition', domain, to: '<domain/>' });
const pin = (domain: StepDomain): Step => ({ kind: 'vcpuPin', domain, vcpu: 0, to: '1' });

test('an undo restarts each VM right after its definition, and one without a definition first', () => {
  const steps = [grow, define(WEB), restart(WEB), define(DB), restart(DB), pin(DB)];
  const all = [...steps, restart(WEB)];
  const back = undoOrder(steps, all.slice(steps.length));
  expect(back.map(({ index, how }) => `${how} ${words([all[index] as Step])}`)).toEqual([
    'undo db01 vcpuPin',
    'undo db01 definition',
    'undo db01 restart',
    'undo web02 definition',
    'execute web02 restart',
    'undo web02 restart',
    'undo cell 0',
  ]);
  const other: StepDomain = { uuid: '33333333-2222-4333-8444-555555555555', name: 'new03' };
  const without = [grow, define(DB), restart(other)];
  expect(undoOrder(without, []).map(({ index }) => index)).toEqual([2, 1, 0]);
});
