import type { Share, SharedPool, Sharing } from '../placement/sharing.ts';
import type { DomainPlan, Plan } from './plan.ts';

/**
 * A plan as JSON. The schema is stable within its `format`: fields are added, never renamed; null means not set, and
 * `now` is also null if the domain is not running. Documented in docs/tuning.md.
 */
export function planJson(plan: Plan): unknown {
  return {
    format: 1,
    host: { uri: plan.host.uri, hostname: plan.host.hostname },
    hostRows: plan.hostPlan.rows.map(({ what, now, wanted, verdict, why, next }) => ({
      what,
      now: now ?? null,
      wanted,
      verdict,
      why,
      next: next ?? null,
    })),
    domains: plan.domains.map(domainJson),
    refusals: plan.placement.refusals.map(({ guest, code, text, next }) => ({
      domain: guest,
      code,
      text,
      next: next ?? null,
    })),
    placementProven: plan.placement.proven,
    moved: plan.placement.moved,
    repinned: plan.placement.repinned ?? [],
    leftAlone: plan.leftAlone ?? [],
    warnings: plan.warnings ?? [],
    sharing: plan.sharing === undefined ? null : sharingJson(plan.sharing),
    rebalanced: plan.rebalanced === undefined ? null : poolJson(plan.rebalanced.after),
    overlaps: plan.placement.overlaps.map(({ guest, cpus, with: others }) => ({
      domain: guest,
      cpus: cpus.toString(),
      with: others,
    })),
  };
}

function sharingJson({ before, after, vms }: Sharing): unknown {
  return {
    before: poolJson(before),
    after: poolJson(after),
    domains: vms.map((vm) => ({
      name: vm.guest,
      named: vm.named,
      vcpus: vm.vcpus,
      before: vm.before === undefined ? null : shareJson(vm.before),
      after: shareJson(vm.after),
    })),
  };
}

const poolJson = ({ vcpus, cpus, worstRatio, idleCpus, idleSiblings }: SharedPool): unknown => ({
  vcpus,
  cpus: cpus.toString(),
  worstRatio,
  idleCpus: idleCpus.toString(),
  idleSiblings: idleSiblings.toString(),
});

const shareJson = ({ cpus, ratio }: Share): unknown => ({ cpus: cpus.toString(), ratio });

function domainJson(plan: DomainPlan): unknown {
  const { state, profile, assignment, rows, definition, needsRestart, steps } = plan;
  return {
    name: state.domain.name,
    uuid: state.domain.uuid,
    running: state.live !== undefined,
    persistent: state.inactive !== undefined,
    profile: { name: profile.name, version: profile.version },
    placement:
      assignment === undefined
        ? null
        : {
            cells: assignment.cells,
            vcpus: assignment.vcpus.map(String),
            emulator: assignment.emulator.toString(),
            ioThreads: assignment.ioThreads.toString(),
          },
    rows: rows.map(({ wish, live, next, verdict }) => ({
      setting: wish.setting.id,
      target: wish.target,
      now: live ?? null,
      nextBoot: next ?? null,
      wanted: wish.value ?? null,
      verdict: verdict.kind,
      problem:
        verdict.kind === 'impossible'
          ? { code: verdict.problem.code, text: verdict.problem.text, next: verdict.problem.next ?? null }
          : null,
      needs: verdict.kind === 'guest' ? verdict.needs : null,
      takenBack: wish.takenBack === true,
      knob: wish.knob,
      why: wish.why,
      source: wish.source,
    })),
    left: plan.left,
    violations: plan.violations.map(({ code, text, next, level, created }) => ({
      code,
      text,
      next: next ?? null,
      level,
      created,
    })),
    needsRestart,
    definitionDiff: definition?.diff ?? null,
    steps: steps.map(({ kind }) => kind),
  };
}
