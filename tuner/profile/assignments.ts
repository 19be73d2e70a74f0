import { readSmallFile } from '../../libvirt/small-file.ts';
import { ConfigError } from '../../model/config-error.ts';
import { compileMetadata, type MetadataReader } from '../../model/domain/custom-metadata.ts';
import { isOutlined } from '../../model/domain/domain-tree.ts';
import { isCatchAll, matchesGlob } from '../../model/glob.ts';
import { unreadableText } from '../../model/system-error.ts';
import type { Element } from '../../model/xml.ts';
import { parseYaml } from '../../model/yaml.ts';
import { limitedMetadata } from '../../sampler/limited-metadata.ts';
import { TunerError } from '../errors.ts';
import type { DomainState } from '../facts/facts.ts';
import { type AssignmentsFile, assignmentsFile, type Match } from './assignments-schema.ts';
import { definitionOf } from './definition.ts';
import { type Reservations, reservedPages } from './reservations.ts';

/** Which domain gets which profile. */
export interface Assignments {
  readonly reserved: Reservations;
  /** The profiles that it names. */
  readonly profiles: readonly string[];
  /** A profile's name; null: not to be tuned; undefined: no entry matches. */
  readonly profileOf: (state: DomainState) => string | null | undefined;
  /** Whether the matching entry would match any domain: `domain: "*"` and nothing else. */
  readonly matchedByCatchAll: (state: DomainState) => boolean;
  /** Entries that match none of these domains, by their path in the file: `assign.2`. */
  readonly unusedEntries: (states: readonly DomainState[]) => readonly string[];
}

/** @throws TunerError (TUNE_ASSIGNMENTS) that names file, line and key of each fault */
export async function readAssignments(path: string): Promise<Assignments> {
  let text: string;
  try {
    text = (await readSmallFile(path)).toString();
  } catch (error) {
    throw new TunerError('TUNE_ASSIGNMENTS', `${path} cannot be read: ${unreadableText(error)}`, {
      cause: error,
    });
  }
  return parseAssignments(path, text);
}

/** @throws TunerError (TUNE_ASSIGNMENTS) */
export function parseAssignments(path: string, text: string): Assignments {
  const given = checked(path, text);
  const labels = compile(path, given.metadata);
  const unknown = given.assign.flatMap((each, index) =>
    Object.keys(each.labels ?? {}).flatMap((label) =>
      given.metadata?.labels[label] === undefined
        ? [`${path}: assign.${index}.labels.${label}: metadata.labels does not define this label`]
        : [],
    ),
  );
  if (unknown.length > 0) throw new TunerError('TUNE_ASSIGNMENTS', unknown.join('\n'));
  const indexOf = (state: DomainState): number =>
    given.assign.findIndex((each) => matches(each, state, labels));
  return {
    reserved: {
      cpus: given.host?.reservedCpus,
      pages: reservedPages(given.host?.reservedHugepages ?? {}),
      ...(given.host?.allowRatio === undefined ? {} : { allowedRatio: given.host.allowRatio }),
    },
    profiles: [...new Set(given.assign.flatMap(({ profile }) => profile ?? []))],
    profileOf: (state) => given.assign[indexOf(state)]?.profile,
    matchedByCatchAll: (state) => {
      const entry = given.assign[indexOf(state)];
      if (entry === undefined) return false;
      const { domain, title, nova, labels: of } = entry;
      const named = title !== undefined || nova !== undefined || of !== undefined;
      return !named && [domain ?? '*'].flat().some(isCatchAll);
    },
    unusedEntries: (states) => {
      const used = new Set(states.map(indexOf));
      return given.assign.flatMap((_, index) => (used.has(index) ? [] : [`assign.${index}`]));
    },
  };
}

function checked(path: string, text: string): AssignmentsFile {
  try {
    return parseYaml(path, text, assignmentsFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new TunerError('TUNE_ASSIGNMENTS', error.message, { cause: error });
  }
}

function compile(path: string, given: AssignmentsFile['metadata']): MetadataReader | undefined {
  try {
    return given && limitedMetadata(compileMetadata(given.labels, given.namespaces));
  } catch (error) {
    throw new TunerError('TUNE_ASSIGNMENTS', `${path}: metadata: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** All conditions of an entry must hold. */
function matches(
  { domain, title, nova, labels }: Match,
  state: DomainState,
  reader: MetadataReader | undefined,
): boolean {
  const { root, facts } = definitionOf(state);
  return (
    fits(domain, state.domain.name) &&
    fits(title, facts.title) &&
    fits(nova?.flavor, facts.nova?.flavor) &&
    (fits(nova?.project, facts.nova?.projectName) || fits(nova?.project, facts.nova?.projectUuid)) &&
    (labels === undefined || fitsLabels(labels, readLabels(state, root, reader)))
  );
}

function fitsLabels(
  wanted: NonNullable<Match['labels']>,
  found: ReadonlyMap<string, string> | undefined,
): boolean {
  return Object.entries(wanted).every(([label, texts]) => fits(texts, found?.get(label)));
}

/** @throws TunerError if a label may exist but cannot be read: the VM would get the wrong profile */
function readLabels(
  { domain }: DomainState,
  root: Element,
  reader: MetadataReader | undefined,
): ReadonlyMap<string, string> | undefined {
  const cannot = (why: string): TunerError =>
    new TunerError(
      'TUNE_ASSIGNMENTS',
      `the labels of domain ${JSON.stringify(domain.name)} cannot be read: ${why}; match it by its name, before the entries with labels`,
    );
  if (reader === undefined) return undefined;
  if (isOutlined(root)) throw cannot('its metadata has more than 32 Ki characters');
  return reader(root, () => {
    throw cannot('the expressions take too long on its XML');
  });
}

function fits(wanted: string | readonly string[] | undefined, text: string | undefined): boolean {
  if (wanted === undefined) return true;
  return text !== undefined && [wanted].flat().some((each) => matchesGlob(each, text));
}
