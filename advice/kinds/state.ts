import { DomainState, PausedReason, ShutoffReason } from '../../libvirt/constants.ts';
import { percent } from '../../model/format.ts';
import { hasFailed } from '../../model/run-state.ts';
import type { Advice, AdviceKind, Effect, VmRef } from '../advice.ts';
import { nameFor, virsh } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';

/** VMs that do not run as they should: they lose all their time. */
export function stateAdvice(context: Context): Advice[] {
  return [
    ...context.observation.vms.flatMap((vm) => [
      ...unresponsive(vm, context),
      ...crashed(vm, context),
      ...pausedByError(vm, context),
      ...job(vm, context),
    ]),
    ...gone(context),
  ];
}

interface Found {
  readonly kind: AdviceKind;
  readonly severity: Advice['severity'];
  readonly title: string;
  readonly evidence: string;
  readonly cause: string;
  readonly change: string;
  /** Absent for a VM that libvirt no longer knows. */
  readonly command?: readonly string[] | undefined;
  readonly figures?: Advice['evidence'];
  readonly harm: number;
}

const LOOKS: Effect = 'nothing changes';
/** As in the alert DomainCrashed: a VM that was not started for a day is off on purpose. */
const LEFT_OFF_MS = 86_400_000;

function one({ uuid, name }: VmRef, { uri }: Context, found: Found): Advice[] {
  const { kind, severity, title, evidence, cause, change, command, figures = [], harm } = found;
  const vm = { uuid, name };
  return [
    {
      kind,
      id: `${kind}:${uuid.slice(0, 8)}`,
      severity,
      title,
      victims: [{ ...vm, evidence }],
      evidence: figures,
      cause,
      culprits: [],
      remedies: [
        {
          change,
          steps: command === undefined ? [] : [{ argv: virsh(uri, ...command), vm }],
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
    cause: 'its QEMU is stopped or hangs, usually because its storage does not respond',
    change: 'check what libvirt is waiting for, and whether the storage of its disks responds',
    command: ['domcontrol', nameFor(vm)],
    figures: [factOf('time without an answer', seconds, 's')],
    harm: 1,
  });
}

/** A guest that panicked keeps its QEMU where `on_crash` is `preserve`; otherwise the VM is off. */
function crashed(vm: ObservedVm, context: Context): Advice[] {
  const { domain, summary } = vm.sample;
  const { state, reason } = summary;
  const isKept = domain.id !== -1;
  if (!hasFailed({ active: isKept, state, reason })) return [];
  const isKilled = state === DomainState.shutoff && reason === ShutoffReason.daemon;
  const said =
    state === DomainState.crashed ? 'state crashed' : `off, reason ${isKilled ? 'daemon' : 'crashed'}`;
  return one(vm, context, {
    kind: 'vm-crashed',
    ...weightOf(vm, context),
    title: 'VM crashed',
    evidence: said,
    cause: isKept
      ? 'its guest panicked, and libvirt keeps its QEMU for a dump'
      : isKilled
        ? 'libvirtd could not reconnect to its QEMU, and killed it'
        : 'its QEMU died: the QEMU log or the kernel log shows why',
    change: isKept
      ? 'save its memory with virsh dump --memory-only, end it with virsh destroy, then start it again'
      : 'read its QEMU log in /var/log/libvirt/qemu and the kernel log, then start it again',
    command: ['domstate', nameFor(vm), '--reason'],
  });
}

/** Transient VMs that crashed: libvirt forgot them at once, so only an event reported it. */
function gone(context: Context): Advice[] {
  const { vms, newest } = context.observation;
  const listed = new Set(vms.map(({ uuid }) => uuid));
  return (newest.crashes ?? [])
    .filter(({ uuid }) => !listed.has(uuid))
    .flatMap((crash) =>
      one(crash, context, {
        kind: 'vm-crashed',
        ...weightOf(crash, context),
        title: 'VM crashed',
        evidence: 'no longer listed by libvirt',
        cause: 'its QEMU died; the VM was transient, so libvirt kept no definition',
        change:
          'read its QEMU log in /var/log/libvirt/qemu and the kernel log, then create it again with the tool that created it',
      }),
    );
}

/** By the time since the crash, or since it was first seen. */
function weightOf({ uuid }: VmRef, { observation }: Context): Pick<Found, 'severity' | 'harm'> {
  const { crashes = [] } = observation.newest;
  const atMs = crashes.find((each) => each.uuid === uuid)?.atMs ?? observation.toMs;
  return observation.toMs - atMs > LEFT_OFF_MS ? { severity: 'info', harm: 0 } : { severity: 'bad', harm: 1 };
}

function pausedByError(vm: ObservedVm, context: Context): Advice[] {
  const { state, reason } = vm.sample.summary;
  if (state !== DomainState.paused || reason !== PausedReason.ioError) return [];
  return one(vm, context, {
    kind: 'vm-paused-io-error',
    severity: 'bad',
    title: 'paused by a disk I/O error; fix the storage, then resume',
    evidence: 'state paused, reason I/O error',
    cause: 'a disk request failed, usually because the storage is full',
    change: 'see which disk, make room or repair the storage, then virsh resume',
    command: ['domblkerror', nameFor(vm)],
    harm: 1,
  });
}

/** A long-running job that libvirt runs on the VM (migration, save, backup), which explains busy figures and pauses. */
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
    title: 'a libvirt job is running; it blocks some calls of other clients',
    evidence: parts.join(', '),
    cause: 'a client started the job',
    change: 'wait until it ends',
    command: ['domjobinfo', nameFor(vm)],
    harm: 0,
  });
}
