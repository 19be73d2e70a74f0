import type { Remedy } from '../../advice/advice.ts';
import { TunerError } from '../../tuner/errors.ts';
import { isRefused, type Plan } from '../../tuner/plan/plan.ts';
import { credentialsOf } from '../credentials.ts';
import { choose, planChoice } from '../tune/make-plan.ts';
import { type Session, withSession } from '../tune/session.ts';
import type { AdviseFlags } from './flags.ts';

type Profile = NonNullable<Remedy['profile']>;

interface PlannerFlags extends Pick<AdviseFlags, 'profiles' | 'saslUsername' | 'saslPasswordFile'> {
  /** Timeout of one libvirt call, in seconds; the tuner's by default. */
  readonly timeout?: number | undefined;
}

/** Plans profiles as `virtune tune plan` does, from a single read of the host. */
export class Planner {
  readonly #uri: string;
  readonly #given: PlannerFlags;
  #session: Promise<Session> | undefined;

  constructor(uri: string, flags: PlannerFlags) {
    this.#uri = uri;
    this.#given = flags;
  }

  /**
   * Why the tuner would refuse the profile, would change nothing, or cannot decide; undefined when the plan is good.
   * Never throws: all other advice must still be printed when the host stops responding.
   */
  async refusal({ name, vms }: Profile): Promise<string | undefined> {
    try {
      const session = await this.#read();
      const choice = await choose(
        session,
        vms.map(({ uuid }) => uuid),
        { ...this.#flags, profile: name, accept: [] },
      );
      return refusalOf(await planChoice(session, choice, new Date()));
    } catch (error) {
      if (error instanceof TunerError) return error.message;
      return `its plan cannot be made: ${(error as Error).message}`;
    }
  }

  get #flags() {
    const { profiles, timeout } = this.#given;
    return { connect: this.#uri, stateDir: '', profiles, timeout };
  }

  /** The session reads everything a plan needs; no further calls are made once it has ended. */
  #read(): Promise<Session> {
    this.#session ??= this.#open();
    return this.#session;
  }

  async #open(): Promise<Session> {
    const credentials = await credentialsOf(this.#given);
    return withSession(this.#flags, { readOnly: true, credentials }, (session) => Promise.resolve(session));
  }
}

function refusalOf({ placement, domains }: Plan): string | undefined {
  const [refusal] = placement.refusals;
  if (refusal !== undefined) return `${refusal.text}${refusal.next === undefined ? '' : `; ${refusal.next}`}`;
  const broken = domains.flatMap(({ violations }) => violations.filter(isRefused))[0];
  if (broken !== undefined) return broken.text;
  const changes = domains.some(
    ({ steps, definition, needsRestart }) => steps.length > 0 || definition !== undefined || needsRestart,
  );
  return changes ? undefined : 'the VM has all settings of the profile already';
}
