import type { HostFacts } from '../facts/facts.ts';
import type { HostWish } from '../profile/host-knobs.ts';
import type { StepOf } from '../steps/step.ts';

/** Kernel settings that `--host`, and only that, changes; undefined for those left to the host's owner. */
export function kernelSteps({ local }: HostFacts, wish: HostWish): StepOf<'kernelFile'>[] | undefined {
  if (local === undefined) return undefined;
  switch (wish.knob) {
    case 'swappiness':
      return local.swappiness === undefined || local.swappiness <= wish.wanted
        ? []
        : [{ kind: 'kernelFile', root: 'proc', file: 'sys/vm/swappiness', to: String(wish.wanted) }];
    case 'governor':
      return [...(local.governorFiles ?? [])]
        .filter(([, governor]) => governor !== wish.wanted)
        .map(([file]) => ({ kind: 'kernelFile', root: 'sys', file, to: wish.wanted }));
    case 'cstates':
      return (local.idleStates ?? [])
        .filter(({ off, latencyUs }) => !off && latencyUs > wish.wanted)
        .map(({ file }) => ({ kind: 'kernelFile', root: 'sys', file, to: '1' }));
    default:
      return undefined;
  }
}
