import { type StateName, stateOf, type Vm } from '../../model/vm.ts';
import type { Role } from '../../text/line.ts';
import type { Column } from '../column.ts';

const DOMAIN = 'libvirt_domain_';

/** A letter in addition to the colour, so that no state is shown by colour alone. */
const STATE_GLYPHS: Readonly<Record<StateName, string>> = {
  running: 'R running',
  blocked: 'R running',
  paused: 'P paused',
  'shutting down': 'D stopping',
  off: '- off',
  crashed: 'X crashed',
  suspended: 'S suspended',
  stuck: '! stuck',
  unknown: '? unknown',
};

/** Shown in place of the state's name while libvirt runs such a job; the letter stays. */
const JOBS: Readonly<Record<string, string>> = {
  start: 'start',
  save: 'saving',
  restore: 'restore',
  migration_in: 'migrate',
  migration_out: 'migrate',
  snapshot: 'snap',
  snapshot_revert: 'revert',
  dump: 'dumping',
  backup: 'backup',
  snapshot_delete: 'snap',
};

function stateText(state: StateName, { sample }: Vm): string {
  const glyph = STATE_GLYPHS[state];
  const job = sample.extras?.job;
  if (job?.active !== true || state === 'stuck') return glyph;
  return `${glyph[0]} ${JOBS[job.operation] ?? 'job'}`;
}

const STATE_ROLES: Readonly<Partial<Record<string, Role>>> = {
  running: 'ok',
  blocked: 'ok',
  paused: 'warn',
  crashed: 'bad',
  stuck: 'bad',
  off: 'dim',
};

export const identityColumns: readonly Column<Vm>[] = [
  {
    id: 'host',
    title: 'HOST',
    unit: 'text',
    width: 12,
    help: 'Host of the VM.',
    metrics: [],
    read: (vm) => vm.host,
  },
  {
    id: 'name',
    title: 'NAME',
    unit: 'text',
    width: 16,
    help: 'Name of the VM.',
    metrics: [],
    read: (vm) => vm.name,
  },
  {
    id: 'uuid',
    title: 'UUID',
    unit: 'text',
    width: 36,
    help: 'UUID of the VM; stays the same when it is renamed.',
    metrics: [`${DOMAIN}info`],
    read: (vm) => vm.sample.domain.uuid,
  },
  {
    id: 'state',
    title: 'STATE',
    unit: 'text',
    width: 9,
    help: 'State, or its libvirt job; stuck: QEMU does not answer.',
    metrics: ['virtune_domain_outcome'],
    read: stateOf,
    show: (value, vm) => stateText(value as StateName, vm),
    role: (value) => STATE_ROLES[String(value)] ?? 'text',
  },
  {
    id: 'findings',
    aliases: ['notes'],
    title: '!',
    unit: 'number',
    width: 2,
    help: 'Number of findings; Enter shows them. 0 needs three samples with rates.',
    metrics: [],
    read: (vm) => (vm.findings.length > 0 || vm.areFindingsComplete ? vm.findings.length : undefined),
    why: () => 'few_samples',
    show: (value) => (value === 0 ? '' : String(value)),
    role: (_, vm) => vm.findings[0]?.severity ?? 'text',
  },
];
