import { pathExists } from '../../libvirt/small-file.ts';
import { TunerError } from '../../tuner/errors.ts';
import { type Choice, choose, type PlanFlags } from './make-plan.ts';
import type { Session } from './session.ts';

/** The path of a plan file, when the only argument is an existing file and no profile is given; else undefined. */
export async function planFileIn(
  words: readonly string[],
  { profile, file: assignments, all }: Pick<PlanFlags, 'profile' | 'file' | 'all'>,
): Promise<string | undefined> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0 || profile !== undefined) return undefined;
  if (assignments !== undefined || all === true) return undefined;
  return (await pathExists(file)) ? file : undefined;
}

/**
 * @throws TunerError TUNE_DOMAIN: when the only argument looks like a file, the message adds that no such file exists.
 */
export async function chooseDomains(
  session: Session,
  patterns: readonly string[],
  flags: PlanFlags,
): Promise<Choice> {
  try {
    return await choose(session, patterns, flags);
  } catch (error) {
    const [word = ''] = patterns;
    const isFileMeant = patterns.length === 1 && /\/|\.json$/.test(word) && flags.profile === undefined;
    if (!isFileMeant || !(error instanceof TunerError) || error.code !== 'TUNE_DOMAIN') throw error;
    throw new TunerError(
      'TUNE_DOMAIN',
      `${JSON.stringify(word)}: no such plan file, and no domain of that name; check the path, or create the plan with virtune tune plan -o FILE`,
      { cause: error },
    );
  }
}
