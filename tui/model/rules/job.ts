import { percent } from '../../../model/format.ts';
import type { JobFigures } from '../../../model/job.ts';
import { finding, nameFor, type Rule, virsh } from './rule.ts';

/** A long-running job that libvirt runs on the VM: a migration, a save, a backup. It explains busy figures and pauses. */
export const job: Rule = (vm, host) => {
  const running = vm.sample.extras?.job;
  if (running?.active !== true) return [];
  return [
    finding(
      'job',
      'info',
      'libvirt runs a job on it; some calls of other clients wait for it',
      evidence(running),
      virsh(host, 'domjobinfo', nameFor(vm)),
    ),
  ];
};

function evidence({ operation, figures }: JobFigures): string {
  const elapsedMs = figures.get('time_elapsed');
  const total = figures.get('data_total') ?? 0;
  const done = figures.get('data_processed');
  const parts = [operation.replace('_', ' ')];
  if (elapsedMs !== undefined) parts.push(`for ${Math.round(elapsedMs / 1_000)} s`);
  if (done !== undefined && total > 0) parts.push(`${percent((100 * done) / total)} % of its data moved`);
  return parts.join(', ');
}
