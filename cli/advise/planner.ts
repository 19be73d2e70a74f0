import type { Remedy } from '../../advice/advice.ts';
import { LibvirtClientError } from '../../libvirt/errors.ts';
import { TunerError } from '../../tuner/errors.ts';
import { isRefused, type Plan } from '../../tuner/plan/plan.ts';
import { choose, planChoice } from '../tune/make-plan.ts';
import { type Session, withSession } from '../tune/session.ts';

type Profile = NonNullable<Remedy['profile']>;

/** Plans profiles as `virtune tune plan` does, over one reading of the host. */
export class Planner {
  readonly #uri: string;
  readonly #profiles: readonly string[];
  #session: Promise<Session> | undefined;

  constructor(uri: string, profiles: readonly string[]) {
    this.#uri = uri;
    this.#profiles = profiles;
  }

  /** Why the tuner would not do it, would change nothing, or cannot be asked; undefined where the plan is good. */
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
      if (error instanceof LibvirtClientError) return `its plan cannot be made: ${error.message}`;
      throw error;
    }
  }

  get #flags() {
    return { connect: this.#uri, stateDir: '', profiles: this.#profiles };
  }

  /** All that a plan needs was read when the session is over: it makes no further call. */
  #read(): Promise<Session> {
    this.#session ??= withSession(this.#flags, { readOnly: true }, (session) => Promise.resolve(session));
    return this.#session;
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
