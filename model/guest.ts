import type { TypedParam } from '../libvirt/typed-params.ts';
import type { MissingGroup } from './missing.ts';

/** What the guest agent reports. Untrusted: the guest controls all numbers and text. */
export interface GuestInfo {
  readonly filesystems: readonly GuestFilesystem[];
  /** Over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number] | undefined;
  readonly hostname: string | undefined;
  /** By libvirt's names after `os.`: `id`, `pretty-name`, `version-id`, `kernel-release`, ... */
  readonly os: ReadonlyMap<string, string>;
}

export interface GuestFilesystem {
  readonly mountpoint: string;
  readonly type: string | undefined;
  readonly totalBytes: number | undefined;
  readonly usedBytes: number | undefined;
  /** The disk that it is on, by libvirt's name; the first if there are several. */
  readonly disk: string | undefined;
}

/** What is known about a guest from its agent. */
export interface GuestFigures {
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
  /** By a number that virtune assigns and a filesystem keeps while it is mounted: see `numbered`. */
  readonly filesystems: ReadonlyMap<number, GuestFilesystem>;
  /** Includes those without a number. */
  readonly filesystemCount: number;
  readonly load: GuestInfo['load'];
  readonly hostname: string | undefined;
  readonly os: GuestInfo['os'];
}

export interface GuestSample {
  readonly figures: GuestFigures | undefined;
  /** Groups that the agent reports nothing for, and why. */
  readonly missing: readonly MissingGroup[];
}

/** PATH_MAX of Linux. A reply may have up to 32 MiB, and what is taken from it stays in memory until the next one. */
const TEXT_MAX_CHARS = 4_096;
/** libvirt has ten `os.` fields. */
const OS_FIELDS_MAX = 64;

/** Text of a guest, bounded in length. Copied, since a substring would keep the whole string in memory. */
function boundedText(value: TypedParam['value']): string {
  const text = String(value);
  return text.length <= TEXT_MAX_CHARS ? text : Array.from(text.slice(0, TEXT_MAX_CHARS)).join('');
}

type FilesystemDraft = { -readonly [K in keyof GuestFilesystem]?: GuestFilesystem[K] };

/** The reply to domainGetGuestInfo; what it does not contain, or this version does not know, is absent. */
export function readGuestInfo(params: readonly TypedParam[]): GuestInfo {
  const drafts = new Map<string, FilesystemDraft>();
  const load: (number | undefined)[] = [];
  const os = new Map<string, string>();
  let hostname: string | undefined;
  for (const { field, value } of params) {
    const [, index, what = ''] = /^fs\.(\d{1,4})\.(.+)$/.exec(field) ?? [];
    if (index !== undefined) {
      let draft = drafts.get(index);
      if (draft === undefined) {
        draft = {};
        drafts.set(index, draft);
      }
      readFilesystem(draft, what, value);
    } else if (field.startsWith('os.')) {
      if (os.size < OS_FIELDS_MAX) os.set(field.slice('os.'.length), boundedText(value));
    } else if (field === 'hostname') hostname = boundedText(value);
    else {
      const place = ['load.1m', 'load.5m', 'load.15m'].indexOf(field);
      if (place >= 0) load[place] = Number(value);
    }
  }
  const [one, five, fifteen] = load;
  return {
    filesystems: [...drafts.values()].flatMap(({ mountpoint, ...rest }) =>
      mountpoint === undefined
        ? []
        : [
            {
              type: undefined,
              totalBytes: undefined,
              usedBytes: undefined,
              disk: undefined,
              ...rest,
              mountpoint,
            },
          ],
    ),
    load: one === undefined || five === undefined || fifteen === undefined ? undefined : [one, five, fifteen],
    hostname,
    os,
  };
}

function readFilesystem(draft: FilesystemDraft, what: string, value: TypedParam['value']): void {
  if (what === 'mountpoint') draft.mountpoint = boundedText(value);
  else if (what === 'fstype') draft.type = boundedText(value);
  else if (what === 'total-bytes') draft.totalBytes = Number(value);
  else if (what === 'used-bytes') draft.usedBytes = Number(value);
  else if (/^disk\.\d+\.alias$/.test(what)) draft.disk ??= boundedText(value);
}

/**
 * Gives each key a number below `max`: a key that had a number keeps it; new keys get the lowest free numbers, in the
 * order of their names; once all are taken, keys get none. So there are never more than `max` series, whatever a guest
 * calls its filesystems and however often it renames them.
 */
export function numbered(
  before: ReadonlyMap<string, number>,
  keys: readonly string[],
  max: number,
): Map<string, number> {
  const wanted = new Set(keys);
  const now = new Map([...before].filter(([key]) => wanted.has(key)));
  const taken = new Set(now.values());
  let next = 0;
  for (const key of [...wanted].sort()) {
    if (now.has(key)) continue;
    while (taken.has(next)) next++;
    if (next >= max) break;
    now.set(key, next);
    taken.add(next);
  }
  return now;
}
