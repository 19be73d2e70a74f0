import { ParamType } from '../../libvirt/typed-params.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import type { HostFacts } from '../facts/facts.ts';
import { hostFinding } from '../facts/host-findings.ts';
import { dedicatedCpus } from '../placement/assign.ts';
import type { Assignment } from '../placement/types.ts';
import type { HostWish } from '../profile/host-knobs.ts';
import { sizeText } from '../settings/values.ts';
import type { Step } from '../steps/step.ts';
import { kernelSteps } from './kernel-settings.ts';
import type { PageNeed } from './page-needs.ts';
import type { HostPlan, HostRow } from './plan.ts';

/** KSM parameters that libvirt can set; whether ksmd runs at all is not one of them. */
const KSM_PARAMS: Readonly<Record<string, string>> = {
  'ksm.pagesToScan': 'pages_to_scan',
  'ksm.sleepMs': 'sleep_millisecs',
  'ksm.mergeAcrossNodes': 'merge_across_nodes',
};

interface Part {
  readonly rows: readonly HostRow[];
  readonly steps: readonly Step[];
}

/** The host part of a plan: what virtune sets for the profiles, and what it only shows. */
export function planHost(
  host: HostFacts,
  wishes: readonly HostWish[],
  needs: readonly PageNeed[],
  assignments: readonly Assignment[],
  { setsKernel = false }: HostPlanOptions = {},
): HostPlan {
  const dedicated = allDedicated(assignments);
  const parts = wishes.map((wish): Part => {
    if (wish.problem !== undefined) return { rows: [disputed(wish)], steps: [] };
    if (wish.knob === 'hugepages') return growPools(wish, needs);
    const param = KSM_PARAMS[wish.knob];
    if (param !== undefined) return setKsm(host, wish, param);
    return lookAt(host, wish, dedicated, setsKernel);
  });
  return { rows: parts.flatMap(({ rows }) => rows), steps: parts.flatMap(({ steps }) => steps) };
}

export interface HostPlanOptions {
  /** Also set governor, idle states and swappiness; needs virtune to run on the host (`--host`). */
  readonly setsKernel?: boolean | undefined;
}

/** Host settings that are only checked; with `setsKernel` they are also set, until the host reboots. */
function lookAt(host: HostFacts, wish: HostWish, dedicated: string, setsKernel: boolean): Part {
  const row = hostFinding(host, wish, dedicated);
  const steps = row.verdict === 'mismatch' ? kernelSteps(host, wish) : undefined;
  if (steps === undefined || steps.length === 0) return { rows: [row], steps: [] };
  if (!setsKernel) {
    return {
      rows: [{ ...row, next: `--host sets it until the host reboots; or ${row.next ?? ''}` }],
      steps: [],
    };
  }
  const next = row.next === undefined ? undefined : `until the host reboots; ${row.next}`;
  return { rows: [{ ...row, verdict: 'live', next }], steps };
}

const allDedicated = (assignments: readonly Assignment[]): string =>
  assignments.reduce((all, each) => all.union(dedicatedCpus(each)), CpuSet.empty).toString();

function disputed({ knob, wanted, why, problem }: HostWish): HostRow {
  return {
    what: knob,
    now: undefined,
    wanted: String(wanted),
    verdict: 'impossible',
    why,
    next:
      problem === undefined
        ? undefined
        : `${problem.text}${problem.next === undefined ? '' : `; ${problem.next}`}`,
  };
}

function growPools({ why }: HostWish, needs: readonly PageNeed[]): Part {
  const rows = needs.map(
    ({ cell, sizeKiB, total, free, wanted }): HostRow => ({
      what: `pages of ${sizeText(sizeKiB)}, cell ${cell}`,
      now: `${total} (${free} free)`,
      wanted: String(wanted),
      verdict: 'live',
      why,
      next: 'virtune tune hugepages shows how to make it permanent',
    }),
  );
  const steps = needs.map(
    ({ cell, sizeKiB, wanted }): Step => ({ kind: 'hostPages', cell, sizeKiB, to: wanted }),
  );
  return { rows, steps };
}

function setKsm({ ksm }: HostFacts, { knob, wanted, why }: HostWish, param: string): Part {
  const now = ksm.get(param);
  const row = { what: knob, now: now?.toString(), wanted: String(wanted), why };
  if (now === undefined) {
    return { rows: [{ ...row, verdict: 'unknown', next: 'this host reports no KSM parameters' }], steps: [] };
  }
  if (now === wanted) return { rows: [{ ...row, verdict: 'same', next: undefined }], steps: [] };
  const to = [{ field: `shm_${param}`, type: ParamType.uint, value: String(wanted) }];
  return { rows: [{ ...row, verdict: 'live', next: undefined }], steps: [{ kind: 'ksm', to }] };
}
