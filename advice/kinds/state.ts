import { DomainState, PausedReason } from '../../libvirt/constants.ts';
import { percent } from '../../model/format.ts';
import type { Advice, AdviceKind, Effect } from '../advice.ts';
import { nameFor, refOf, virsh } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';

/** VMs that do not run as they should: they lose all their time. */
export function stateAdvice(context: Context): Advice[] {
  return context.observation.vms.flatMap((vm) => [
    ...unresponsive(vm, context),
    ...stopped(vm, context),
    ...job(vm, context),
  ]);
}

interface Found {
  readonly kind: AdviceKind;
  readonly severity: Advice['severity'];
  readonly title: string;
  readonly evidence: string;
  readonly cause: string;
  readonly change: string;
  readonly command: readonly string[];
  readonly figures?: Advice['evidence'];
  readonly harm: number;
}

const LOOKS: Effect = 'nothing changes';

function one(vm: ObservedVm, { uri }: Context, found: Found): Advice[] {
  const { kind, severity, title, evidence, cause, change, command, figures = [], harm } = found;
  return [
    {
      kind,
      id: `${kind}:${vm.uuid.slice(0, 8)}`,
      severity,
      title,
      victims: [{ ...refOf(vm), evidence }],
      evidence: figures,
      cause,
      culprits: [],
      remedies: [
        {
          change,
          steps: [{ argv: virsh(uri, ...command), vm: refOf(vm) }],
          cost: 'none',
          payers: [],
          gain: 'unknown',
          risk: 'none',
          effect: LOOKS,
        },
      ],
      harm,
    },
  ];
}

function unresponsive(vm: ObservedVm, context: Context): Advice[] {
  const { outcome, extras } = vm.sample;
  if (outcome.kind !== 'unresponsive') return [];
  const seconds = Math.max(0, Math.round((context.observation.toMs - outcome.sinceMs) / 1_000));
  const control = extras?.control;
  return one(vm, context, {
    kind: 'vm-unresponsive',
    severity: 'bad',
    title: 'QEMU does not answer libvirt; most figures are missing',
    evidence: `for ${seconds} s${control === undefined ? '' : `, libvirt says ${control.state}`}`,
    cause: 'its QEMU is stopped or hangs, mostly for storage that does not answer',
    change: 'see what libvirt waits for, and whether the storage of its disks answers',
    command: ['domcontrol', nameFor(vm)],
    figures: [factOf('time without an answer', seconds, 's')],
    harm: 1,
  });
}

function stopped(vm: ObservedVm, context: Context): Advice[] {
  const { state, reason } = vm.sample.summary;
  if (state === DomainState.crashed) {
    return one(vm, context, {
      kind: 'vm-crashed',
      severity: 'bad',
      title: 'VM crashed',
      evidence: 'state crashed',
      cause: 'its guest or its QEMU crashed: the log of its QEMU says which',
      change: 'read the log of its QEMU in /var/log/libvirt/qemu, then start it again',
      command: ['dominfo', nameFor(vm)],
      harm: 1,
    });
  }
  if (state !== DomainState.paused || reason !== PausedReason.ioError) return [];
  return one(vm, context, {
    kind: 'vm-paused-io-error',
    severity: 'bad',
    title: 'paused by a disk I/O error; fix the storage, then resume',
    evidence: 'state paused, reason I/O error',
    cause: 'a request of one of its disks failed, mostly because the storage is full',
    change: 'see which disk, make room or repair the storage, then virsh resume',
    command: ['domblkerror', nameFor(vm)],
    harm: 1,
  });
}

/** A long-running job that libvirt runs on the VM: a migration, a save, a backup. It explains busy figures and pauses. */
function job(vm: ObservedVm, context: Context): Advice[] {
  const running = vm.sample.extras?.job;
  if (running?.active !== true) return [];
  const { operation, figures } = running;
  const elapsedMs = figures.get('time_elapsed');
  const total = figures.get('data_total') ?? 0;
  const done = figures.get('data_processed');
  const parts = [operation.replace('_', ' ')];
  if (elapsedMs !== undefined) parts.push(`for ${Math.round(elapsedMs / 1_000)} s`);
  if (done !== undefined && total > 0) parts.push(`${percent((100 * done) / total)} % of its data moved`);
  return one(vm, context, {
    kind: 'job-running',
    severity: 'info',
    title: 'libvirt runs a job on it; some calls of other clients wait for it',
    evidence: parts.join(', '),
    cause: 'a client started the job',
    change: 'wait until it ends',
    command: ['domjobinfo', nameFor(vm)],
    harm: 0,
  });
}
