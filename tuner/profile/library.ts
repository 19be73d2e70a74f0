import { hash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inFileTurn } from '../../libvirt/file-turn.ts';
import { pathExists, readSmallFile } from '../../libvirt/small-file.ts';
import { ConfigError } from '../../model/config-error.ts';
import { systemErrorText, unreadableText } from '../../model/system-error.ts';
import { parseYaml } from '../../model/yaml.ts';
import { packageFolder } from '../../sampler/package-folder.ts';
import { TunerError } from '../errors.ts';
import { hostKnobs } from './host-knobs.ts';
import type { Entry, Profile } from './profile.ts';
import { PROFILE_NAME, type ProfileFile, profileFile } from './schema.ts';

const ENDING = '.yaml';
/** Maximum length of a chain of `extends`. */
const DEPTH_MAX = 8;

/** A profile's file and its location. */
export interface ProfilePlace {
  readonly name: string;
  readonly path: string;
  readonly builtIn: boolean;
}

/** Profiles by name: the built-in ones, then those of each folder, which override earlier ones of the same name. */
export class ProfileLibrary {
  readonly #places = new Map<string, ProfilePlace>();
  /** By path; an error for an unreadable file, which matters only when that profile is requested. */
  readonly #texts: Map<string, string | Error>;
  readonly #files = new Map<string, ProfileFile>();

  private constructor(places: readonly ProfilePlace[], texts: Map<string, string | Error>) {
    this.#texts = texts;
    for (const place of places) this.#places.set(place.name, place);
  }

  /**
   * Reads the files of the folders; a faulty file is reported only when its profile is requested.
   * @param folders default folders: they may be missing or not accessible to this user
   * @param named folders named by the user: they must exist
   * @throws TunerError (TUNE_PROFILE) for a folder that cannot be read, whose file system does not respond, or that has
   *   a file whose name is not a profile name
   */
  static async open(folders: readonly string[], named: readonly string[] = []): Promise<ProfileLibrary> {
    const places = await placesIn(fileURLToPath(new URL('tuner/profiles/', packageFolder())), {
      builtIn: true,
    });
    for (const folder of folders) places.push(...(await placesIn(folder, { isOptional: true })));
    for (const folder of named) places.push(...(await placesIn(folder, {})));
    const texts = new Map<string, string | Error>();
    for (const { path } of places) texts.set(path, await textOf(path));
    return new ProfileLibrary(places, texts);
  }

  /** All profiles, sorted by name. */
  get places(): readonly ProfilePlace[] {
    return [...this.#places.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * A profile merged with everything that it extends.
   * @throws TunerError (TUNE_PROFILE) that names file, line and key of the fault
   */
  get(name: string): Profile {
    return assemble(name, this.#lineage(this.#placeOf(name)));
  }

  /**
   * Reads a profile outside the library, which may extend profiles of the library.
   * @throws TunerError (TUNE_PROFILE)
   */
  async read(path: string): Promise<Profile> {
    const name = nameOf(path);
    this.#texts.set(path, await textOf(path));
    this.#files.delete(path);
    return assemble(name, this.#lineage({ name, path, builtIn: false }));
  }

  #placeOf(name: string, by?: ProfilePlace): ProfilePlace {
    const place = this.#places.get(name);
    if (place !== undefined) return place;
    const where = by === undefined ? '' : `${by.path}: extends: `;
    const known = this.places.map((each) => each.name).join(', ');
    throw new TunerError(
      'TUNE_PROFILE',
      `${where}there is no profile ${JSON.stringify(name)}; available: ${known}`,
    );
  }

  /** Everything that a profile extends, each once and after its own ancestors, then the profile itself. */
  #lineage(
    place: ProfilePlace,
    chain: readonly ProfilePlace[] = [],
    found: Ancestor[] = [],
  ): readonly Ancestor[] {
    const way = [...chain, place];
    if (chain.some((each) => each.name === place.name)) {
      const round = way.map((each) => each.name).join(', which extends ');
      throw new TunerError(
        'TUNE_PROFILE',
        `${chain.at(-1)?.path}: extends: a profile cannot extend itself: ${round}`,
      );
    }
    if (way.length > DEPTH_MAX) {
      throw new TunerError(
        'TUNE_PROFILE',
        `${chain.at(-1)?.path}: extends: a profile can extend at most ${DEPTH_MAX - 1} others: ${way.map((each) => each.name).join(', which extends ')}`,
      );
    }
    if (found.some((each) => each.place.name === place.name)) return found;
    const file = this.#read(place.path);
    for (const parent of [file.extends ?? []].flat()) this.#lineage(this.#placeOf(parent, place), way, found);
    found.push({ place, file });
    return found;
  }

  #read(path: string): ProfileFile {
    const file = this.#files.get(path) ?? parseProfile(path, this.#texts.get(path) ?? '');
    this.#files.set(path, file);
    return file;
  }
}

interface Ancestor {
  readonly place: ProfilePlace;
  readonly file: ProfileFile;
}

async function placesIn(
  folder: string,
  { builtIn = false, isOptional = false }: { builtIn?: boolean; isOptional?: boolean },
): Promise<ProfilePlace[]> {
  let names: string[];
  try {
    names = await inFileTurn(folder, 'scandir', () => readdir(folder));
  } catch (error) {
    // A folder that this user cannot look into counts as missing: /etc/virtune of the packages is not readable for all,
    // and the units do not see /root.
    if (isOptional && !isSlow(error) && !(await pathExists(folder))) return [];
    throw new TunerError(
      'TUNE_PROFILE',
      `profiles in ${folder} cannot be read: ${systemErrorText(error)}; check the folder of --profiles, and that the user of virtune may read it`,
      {
        cause: error,
      },
    );
  }
  return names
    .filter((file) => file.endsWith(ENDING))
    .map((file) => ({ name: nameOf(join(folder, file)), path: join(folder, file), builtIn }));
}

function nameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.ya?ml$/, '');
  if (PROFILE_NAME.test(name)) return name;
  throw new TunerError(
    'TUNE_PROFILE',
    `${path}: ${JSON.stringify(name)} is not a profile name; rename the file: lower-case letters, digits and -`,
  );
}

/** @throws TunerError if the file system does not respond: then the other files there would not be readable either */
async function textOf(path: string): Promise<string | Error> {
  try {
    return (await readSmallFile(path)).toString();
  } catch (error) {
    const unreadable = new TunerError(
      'TUNE_PROFILE',
      `${path} cannot be read: ${isSlow(error) ? unreadableText(error) : systemErrorText(error)}`,
      { cause: error },
    );
    if (isSlow(error)) throw unreadable;
    return unreadable;
  }
}

function isSlow(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ETIMEDOUT';
}

function parseProfile(path: string, text: string | Error): ProfileFile {
  if (text instanceof Error) throw text;
  try {
    return parseYaml(path, text, profileFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new TunerError('TUNE_PROFILE', error.message, { cause: error });
  }
}

/** Later profiles override earlier ones; a null removes the entry. */
function assemble(name: string, lineage: readonly Ancestor[]): Profile {
  const knobs = new Map<string, readonly Entry[]>();
  const host = new Map<string, Entry>();
  for (const { file, place } of lineage) {
    const from = place.name;
    for (const [id, entries] of file.knobs ?? []) {
      if (entries === null) knobs.delete(id);
      else
        knobs.set(
          id,
          entries.map((entry) => ({ ...entry, from })),
        );
    }
    for (const [id, entries] of file.host ?? []) {
      const [entry] = entries ?? [];
      if (entry === undefined) host.delete(id);
      else host.set(id, { ...entry, from });
    }
  }
  const own = lineage.at(-1);
  return {
    name,
    title: own?.file.title ?? name,
    description: own?.file.description ?? '',
    lineage: lineage.map(({ place }) => place.name).toReversed(),
    version: versionOf(knobs, host),
    knobs,
    host: new Map(
      hostKnobs.flatMap(({ id }) => {
        const entry = host.get(id);
        return entry === undefined ? [] : [[id, entry] as const];
      }),
    ),
  };
}

/** Covers values only: rewording a reason does not change the version. */
function versionOf(knobs: ReadonlyMap<string, readonly Entry[]>, host: ReadonlyMap<string, Entry>): string {
  const said = [
    ...[...knobs].map(([id, entries]) => [id, entries.map(({ value, on }) => [value, on ?? null])]),
    ...[...host].map(([id, { value }]) => [`host ${id}`, value]),
  ].toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  return hash('sha256', JSON.stringify(said)).slice(0, 12);
}
