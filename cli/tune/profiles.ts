import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { terminalLines } from '../../model/terminal-text.ts';
import { TunerError } from '../../tuner/errors.ts';
import { listProfiles, profileJson, reportList, reportProfile } from '../../tuner/profile/describe.ts';
import type { ProfileLibrary } from '../../tuner/profile/library.ts';
import type { Profile } from '../../tuner/profile/profile.ts';
import { ExitCode } from '../exit-codes.ts';
import { openLibrary } from './session.ts';

interface Flags {
  readonly profiles: readonly string[];
  readonly json?: boolean | undefined;
}

export function profilesCommand(): Command {
  return new Command('profiles')
    .description('list, show and check profiles')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(showCommand())
    .addCommand(checkCommand());
}

function listCommand(): Command {
  return withFlags(new Command('list').description('list all profiles and their location')).action(
    async (flags: Flags) => {
      const listed = listProfiles(await openLibrary(flags));
      say(flags, reportList(listed), () => ({
        format: 1,
        profiles: listed.map(({ name, path, builtIn, profile, fault }) => ({
          name,
          title: profile?.title ?? null,
          path,
          builtIn,
          lineage: profile?.lineage ?? null,
          version: profile?.version ?? null,
          fault: fault ?? null,
        })),
      }));
      if (listed.some(({ fault }) => fault !== undefined)) process.exitCode = ExitCode.usage;
    },
  );
}

function showCommand(): Command {
  return withFlags(
    new Command('show')
      .description('show a profile: each setting, with reason and source')
      .argument('<name>', 'name of a profile, or path of a YAML file'),
  ).action(async (name: string, flags: Flags) => {
    const profile = await named(await openLibrary(flags), name);
    say(flags, reportProfile(profile), () => profileJson(profile));
  });
}

function checkCommand(): Command {
  return withFlags(
    new Command('check')
      .description('check profile files; reports each error with line and key')
      .argument('<file...>'),
  ).action(async (files: readonly string[], flags: Flags) => {
    const library = await openLibrary(flags);
    const checked: (Checked & { readonly file: string })[] = [];
    for (const file of files) checked.push({ file, ...(await check(library, file)) });
    const lines = checked.map(({ file, fault, knobs, host }) =>
      fault === null ? `${file}: good, ${knobs} knobs and ${host} of the host` : `${fault} [TUNE_PROFILE]`,
    );
    say(flags, terminalLines(lines.join('\n')), () => ({ format: 1, files: checked }));
    if (checked.some(({ fault }) => fault !== null)) process.exitCode = ExitCode.usage;
  });
}

interface Checked {
  readonly knobs: number | null;
  readonly host: number | null;
  readonly fault: string | null;
}

async function check(library: ProfileLibrary, file: string): Promise<Checked> {
  try {
    const { knobs, host } = await library.read(file);
    return { knobs: knobs.size, host: host.size, fault: null };
  } catch (error) {
    if (!(error instanceof TunerError)) throw error;
    return { knobs: null, host: null, fault: error.message };
  }
}

async function named(library: ProfileLibrary, name: string): Promise<Profile> {
  return /[/.]/.test(name) ? library.read(name) : library.get(name);
}

function withFlags(command: Command): Command {
  return command
    .option('--profiles <dir...>', 'additional folders with profiles', [])
    .option('--json', 'print JSON');
}

function say({ json }: Flags, text: string, data: () => unknown): void {
  process.stdout.write(`${json === true ? jsonText(data(), 2) : text}\n`);
}
