import { percent } from '../../model/format.ts';
import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import type { CpuLoad } from '../cpu-load.ts';
import { type CpuCause, STEAL_BAD } from './causes.ts';
import { cpuEvidence, harmOf, severityOf, sufferers } from './parts.ts';

/** Steal that no figure of the host explains: the advice names who ran there, and proposes no change. */
export function cpuSteal({ victims }: CpuCause, context: Context, load: CpuLoad): Advice[] {
  const { observation } = context;
  return victims
    .filter(({ steal }) => (steal.median ?? 0) >= STEAL_BAD)
    .map((vm) => {
      const pins = load.loads
        .filter((each) => each.vm === vm && !each.floats)
        .flatMap(({ cpus }) => [...cpus]);
      const seen = observation.residency.blame(vm.uuid, pins.length === 0 ? undefined : new Set(pins));
      return {
        kind: 'cpu-steal' as const,
        id: `cpu-steal:${vm.uuid.slice(0, 8)}`,
        severity: severityOf([vm]),
        title: 'high CPU steal although the host has free CPUs',
        victims: sufferers([vm]),
        evidence: cpuEvidence([vm], load, context),
        cause: 'unknown: the demand of all VMs does not explain it. Processes of the host may use its CPUs',
        culprits: (seen?.neighbours ?? []).slice(0, 5).flatMap(({ key, share }) => {
          const other = observation.vms.find(({ uuid }) => uuid === key);
          return other === undefined
            ? []
            : [
                {
                  uuid: key,
                  name: other.name,
                  evidence: `${percent(100 * share)} % of the CPU time that others used there`,
                },
              ];
        }),
        remedies: [],
        harm: harmOf([vm]),
      };
    });
}
