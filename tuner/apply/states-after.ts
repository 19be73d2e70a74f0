import { MEMORY_UNLIMITED_KIB } from '../../libvirt/constants.ts';
import { parseDomainTree } from '../../model/domain/domain-tree.ts';
import type { Element } from '../../model/xml.ts';
import { domainView, editedView } from '../facts/domain-view.ts';
import type { DomainState } from '../facts/facts.ts';
import { findSetting } from '../settings/all.ts';
import { ioThreadIds } from '../settings/iothread-ids.ts';
import { sizeText } from '../settings/values.ts';
import { definitionXml } from '../steps/live-settings/definition.ts';
import type { Step, StepOf } from '../steps/step.ts';

/** A live setting and the value that it will hold. */
export interface LiveSettingChange {
  readonly step: Step;
  /** A state of the step's live setting. */
  readonly to: unknown;
}

/** What these steps set. */
export function forwardChanges(steps: readonly Step[]): LiveSettingChange[] {
  return steps.map((step) => ({
    step,
    to: step.kind === 'definition' ? { xml: step.to, alike: 'meaning' } : step.to,
  }));
}

/**
 * Pure. The domains once these changes are made, one after the other: what runs, and what the next boot takes. Only
 * what an invariant can see is followed: pins, iothreads, memory limits and cells, definitions, restarts.
 */
export function statesAfter(
  states: readonly DomainState[],
  changes: readonly LiveSettingChange[],
): DomainState[] {
  return states.map((state) => {
    const own = changes.filter(({ step }) => 'domain' in step && step.domain.uuid === state.domain.uuid);
    return own.length === 0 ? state : stateAfter(state, own);
  });
}

function stateAfter(state: DomainState, changes: readonly LiveSettingChange[]): DomainState {
  let { live, inactive } = state;
  let edited: Element | undefined;
  for (const { step, to } of changes) {
    if (step.kind === 'definition') {
      const xml = definitionXml(to);
      if (inactive !== undefined && xml !== null) inactive = domainView(xml, 'the definition');
    } else if (step.kind === 'restart') {
      if (live !== undefined && inactive !== undefined) [live, edited] = [inactive, undefined];
    } else if (live !== undefined && EDITED.has(step.kind)) {
      edited ??= parseDomainTree('the running domain', live.xml);
      edit(edited, step, to);
    }
  }
  return { ...state, inactive, live: edited === undefined ? live : editedView(edited) };
}

const EDITED: ReadonlySet<Step['kind']> = new Set([
  'vcpuPin',
  'emulatorPin',
  'ioThread',
  'ioThreadPin',
  'memoryLimits',
  'numaNodeset',
]);

function edit(root: Element, step: Step, to: unknown): void {
  const write = (setting: string, target: string, value: string | undefined): void =>
    findSetting(setting)?.write(root, target, value);
  switch (step.kind) {
    case 'vcpuPin':
      return write('vcpupin', String(step.vcpu), String(to));
    case 'emulatorPin':
      return write('emulatorpin', '', String(to));
    case 'ioThreadPin':
      return write('iothreadpin', String(step.id), String(to));
    case 'numaNodeset':
      return write('numatune.nodeset', '', String(to));
    case 'ioThread':
      return editIoThread(root, step, to, write);
    case 'memoryLimits':
      for (const { field, value } of Array.isArray(to) ? to : []) {
        const setting = LIMITS[field];
        if (setting !== undefined) write(setting, '', limitText(String(value)));
      }
  }
}

function editIoThread(
  root: Element,
  { id }: StepOf<'ioThread'>,
  to: unknown,
  write: (setting: string, target: string, value: string | undefined) => void,
): void {
  const others = ioThreadIds(root).filter((each) => each !== id);
  const ids = (to === 'absent' ? others : [...others, id]).toSorted((a, b) => a - b);
  write('iothreads', '', ids.length === 0 ? undefined : ids.join(','));
  const pin = typeof to === 'object' && to !== null && 'pin' in to ? to.pin : undefined;
  if (typeof pin === 'string') write('iothreadpin', String(id), pin);
}

/** libvirt's memory limit parameters, in KiB, and their settings. */
const LIMITS: Readonly<Record<string, string>> = {
  hard_limit: 'memtune.hardLimit',
  soft_limit: 'memtune.softLimit',
  swap_hard_limit: 'memtune.swapHardLimit',
};

function limitText(kib: string): string | undefined {
  return Number(kib) >= MEMORY_UNLIMITED_KIB ? undefined : sizeText(Number(kib));
}
