import { terminalLines, terminalText } from '../../model/terminal-text.ts';
import { TunerError } from '../errors.ts';
import { textTable } from '../text-table.ts';
import type { KnobGroup } from './knob.ts';
import { knobs } from './knobs/all.ts';
import type { ProfileLibrary } from './library.ts';
import type { Entry, Profile } from './profile.ts';

/** A profile in a list, including those that cannot be used, with the reason. */
export interface ListedProfile {
  readonly name: string;
  readonly path: string;
  readonly builtIn: boolean;
  readonly profile: Profile | undefined;
  readonly fault: string | undefined;
}

/** Every profile of the library, including faulty ones. */
export function listProfiles(library: ProfileLibrary): ListedProfile[] {
  return library.places.map((place) => {
    try {
      return { ...place, profile: library.get(place.name), fault: undefined };
    } catch (error) {
      if (!(error instanceof TunerError)) throw error;
      return { ...place, profile: undefined, fault: error.message };
    }
  });
}

export function reportList(listed: readonly ListedProfile[]): string {
  const rows = listed.map(({ name, path, builtIn, profile, fault }) => [
    name,
    profile?.lineage.slice(1).join(', ') ?? '',
    builtIn ? 'virtune' : path,
    profile?.title ?? `invalid: ${fault}`,
  ]);
  return textTable(['profile', 'extends', 'from', 'for'], rows).join('\n');
}

/** In the order in which users think: first where the guest runs, then what it consists of. */
const GROUPS: readonly (readonly [KnobGroup, string])[] = [
  ['placement', 'place'],
  ['cpu', 'CPUs'],
  ['memory', 'memory'],
  ['iothreads', 'iothreads'],
  ['disks', 'disks'],
  ['nics', 'network'],
  ['hyperv', 'Hyper-V interfaces'],
  ['timers', 'timers'],
];

/** A profile as text for users: each value with its reason and source. */
export function reportProfile(profile: Profile): string {
  const { name, title, description, lineage, version, host } = profile;
  const sections = GROUPS.flatMap(([group, heading]) => {
    const said = knobs
      .filter((knob) => knob.group === group)
      .flatMap(({ id }) => (profile.knobs.get(id) ?? []).map((entry) => [id, entry] as const));
    return said.length === 0 ? [] : [section(heading, said)];
  });
  const ofHost = host.size === 0 ? [] : [section('the host', [...host])];
  const stands = lineage.length > 1 ? [`extends ${lineage.slice(1).join(', ')}`] : [];
  return terminalLines(
    [[`${name}: ${title}`, ...stands, `version ${version}`].join('\n'), description, ...sections, ...ofHost]
      .filter((part) => part !== '')
      .map((part) => part.trimEnd())
      .join('\n\n'),
  );
}

function section(heading: string, said: readonly (readonly [string, Entry])[]): string {
  const lines = said.flatMap(([id, { value, on, why, source, from }]) => [
    `  ${id}: ${shown(value)}${on === undefined ? '' : ` on ${on.join(', ')}`}${from === undefined ? '' : `  (${from})`}`,
    `      ${terminalText(why)}`,
    `      source: ${terminalText(source)}`,
  ]);
  return [heading, ...lines].join('\n');
}

const shown = (value: unknown): string =>
  terminalText(typeof value === 'string' ? value : JSON.stringify(value));

/** A profile as JSON; the schema is stable: fields are added, never renamed. */
export function profileJson({
  name,
  title,
  description,
  lineage,
  version,
  knobs: said,
  host,
}: Profile): unknown {
  const entry = ({ value, why, source, on, from }: Entry): unknown => ({
    value,
    on: on ?? null,
    why,
    source,
    from: from ?? null,
  });
  return {
    format: 1,
    name,
    title,
    description,
    lineage,
    version,
    knobs: Object.fromEntries([...said].map(([id, entries]) => [id, entries.map(entry)])),
    host: Object.fromEntries([...host].map(([id, each]) => [id, entry(each)])),
  };
}
