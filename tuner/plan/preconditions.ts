import type { Problem } from '../errors.ts';
import type { DomainState } from '../facts/facts.ts';
import { parsePages } from '../settings/memory.ts';
import type { Wish } from '../settings/setting.ts';

/** Checks that require a trial on the host; each returns the problem found, if any. */
export interface Probes {
  /** Whether a file or device can be opened with O_DIRECT. */
  readonly directIo: (path: string) => Promise<Problem | undefined>;
  /** Whether pages of this size (KiB) are mounted where libvirt's guests take them from. */
  readonly hugetlbfs: (sizeKiB: number) => Promise<Problem | undefined>;
  /** Whether an image file is fully allocated; undefined if unknown. */
  readonly preallocated?: ((path: string) => Promise<boolean | undefined>) | undefined;
}

/** The domain, supplemented by what the host shows of its raw images. */
export async function withPreallocation(
  state: DomainState,
  probes: Probes | undefined,
): Promise<DomainState> {
  const looks = probes?.preallocated;
  if (looks === undefined) return state;
  const disks = (state.inactive ?? state.live)?.facts.disks ?? [];
  const found = await Promise.all(
    disks.map(async ({ target, source, format }) => {
      const raw = source?.kind === 'file' && format === 'raw' ? source.name : undefined;
      return raw !== undefined && (await looks(raw)) === true ? [target] : [];
    }),
  );
  return { ...state, preallocated: new Set(found.flat()) };
}

const PAST_THE_CACHE = new Set(['none', 'directsync']);

/** The wishes, with problems found on the host. A wish that already has a problem keeps it. */
export async function probed(
  wishes: readonly Wish[],
  state: DomainState,
  probes: Probes | undefined,
): Promise<Wish[]> {
  if (probes === undefined) return [...wishes];
  return Promise.all(
    wishes.map(async (wish): Promise<Wish> => {
      if (wish.problem !== undefined) return wish;
      const problem = await probe(wish, state, probes);
      return problem === undefined ? wish : { ...wish, problem };
    }),
  );
}

async function hugetlbfs(value: string, probes: Probes): Promise<Problem | undefined> {
  const problems = await Promise.all(parsePages(value).map(({ sizeKiB }) => probes.hugetlbfs(sizeKiB)));
  return problems.find((problem) => problem !== undefined);
}

function probe(
  { setting, target, value }: Wish,
  state: DomainState,
  probes: Probes,
): Promise<Problem | undefined> {
  const nothing = Promise.resolve(undefined);
  if (setting.id === 'disk.cache' && value !== undefined && PAST_THE_CACHE.has(value)) {
    const disk = (state.inactive ?? state.live)?.facts.disks.find((each) => each.target === target);
    const local = disk?.source?.kind === 'file' || disk?.source?.kind === 'block';
    return local && disk.source !== undefined ? probes.directIo(disk.source.name) : nothing;
  }
  if (setting.id === 'hugepages' && value !== undefined) {
    return hugetlbfs(value, probes);
  }
  return nothing;
}
