import { resolve } from 'node:path';
import { readSmallFile } from '../../libvirt/small-file.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { systemErrorText } from '../../model/system-error.ts';
import {
  type ApprovedPlan,
  approvedPlan,
  checkBasis,
  checkHost,
  checkSamePlan,
  parseApprovedPlan,
} from '../../tuner/apply/approved-plan.ts';
import { TunerError } from '../../tuner/errors.ts';
import type { Plan } from '../../tuner/plan/plan.ts';
import { readVersion } from '../version.ts';
import { type Choice, planChoice, readProfile } from './make-plan.ts';
import type { Session } from './session.ts';

/** The plan together with its inputs, as the file that `apply FILE` takes. */
export function planDocument(session: Session, choice: Choice, plan: Plan, at: Date): ApprovedPlan {
  const { picks, reservedPages, hostCpus, allowedRatio, leftAlone, accepted, ...rest } = choice;
  return approvedPlan(plan, {
    at: at.toISOString(),
    version: readVersion(),
    basis: session.basis,
    choice: {
      rebalance: rest.rebalance,
      restart: rest.restart,
      withHost: rest.withHost,
      setsKernel: rest.setsKernel,
      picks: picks.map(({ state, profile, profileRef }) => ({
        uuid: state.domain.uuid,
        name: state.domain.name,
        profile: profileRef === profile.name ? profileRef : resolve(profileRef),
        version: profile.version,
      })),
      reservedPages: reservedPages.map(({ cell, ...each }) => ({ ...each, cell: cell ?? null })),
      hostCpus: hostCpus?.toString() ?? null,
      allowedRatio: allowedRatio ?? null,
      leftAlone: [...leftAlone],
      accepted: [...accepted],
    },
  });
}

/** A plan lists the changes of each VM: some megabytes for thousands of VMs. */
const PLAN_MAX_BYTES = 64 * 1024 * 1024;

export async function readPlanFile(path: string): Promise<ApprovedPlan> {
  let text: string;
  try {
    text = (await readSmallFile(path, { maxBytes: PLAN_MAX_BYTES })).toString();
  } catch (error) {
    throw new TunerError(
      'TUNE_USAGE',
      `the plan ${path} cannot be read: ${systemErrorText(error)}; check the path and its permissions, or create a plan with virtune tune plan -o FILE`,
    );
  }
  return parseApprovedPlan(path, text);
}

/**
 * Makes the plan of the file again on the host as it is now. The file is only compared with the new plan, so it cannot
 * request anything that a plan of its choice would not do.
 *
 * @throws TunerError TUNE_CHANGED, listing the differences, when it is another host, anything the plan was based on
 * has changed, a profile differs, or the plan would come out differently.
 */
export async function remakePlan(path: string, approved: ApprovedPlan, session: Session): Promise<Plan> {
  checkHost(approved, path, session.host.hostname);
  checkBasis(approved, session.basis);
  const { picks, reservedPages, hostCpus, allowedRatio, accepted, ...how } = approved.choice;
  const found: Choice['picks'][number][] = [];
  for (const { uuid, name, profile: ref, version } of picks) {
    const state = session.domains.find(({ domain }) => domain.uuid === uuid);
    if (state === undefined) {
      throw new TunerError('TUNE_CHANGED', `domain ${JSON.stringify(name)} of ${path} is not on this host`);
    }
    const profile = await readProfile(session.library, ref);
    if (profile.version !== version) {
      throw new TunerError(
        'TUNE_CHANGED',
        `profile ${JSON.stringify(ref)} has changed since ${path} was made (version ${version}, now ${profile.version}); nothing was changed`,
      );
    }
    found.push({ state, profile, profileRef: ref });
  }
  const choice: Choice = {
    ...how,
    accepted,
    allowedRatio: allowedRatio ?? undefined,
    hostCpus: hostCpus === null ? undefined : CpuSet.parse(hostCpus),
    reservedPages: reservedPages.map(({ cell, ...each }) => ({ ...each, cell: cell ?? undefined })),
    picks: found,
  };
  const plan = await planChoice(session, choice, new Date(approved.at), approved.id);
  checkSamePlan(approved, plan);
  return plan;
}
