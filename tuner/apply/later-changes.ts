import { parseDomainTree } from '../../model/domain/domain-tree.ts';
import { readMark, type TunedMark } from '../../model/domain/tuned-mark.ts';
import { shellLine } from '../../model/shell-command.ts';
import { TunerError } from '../errors.ts';
import type { DomainState } from '../facts/facts.ts';
import { readDomains } from '../facts/read-domains.ts';
import { readHost } from '../facts/read-host.ts';
import { poolOf, withPool } from '../hugepages/pools.ts';
import type { StepProgress } from '../journal/progress.ts';
import type { JournalHeader } from '../journal/records.ts';
import { markOf } from '../plan/plan.ts';
import { quoted } from '../steps/domain-run.ts';
import type { LiveSetting } from '../steps/live-setting.ts';
import type { Step, StepOf } from '../steps/step.ts';
import type { HostLink } from './host-link.ts';
import { heldIn, missingPages } from './pages-after.ts';

/**
 * What other runs have changed since a transaction was interrupted. Before `recover`, the host may have been tuned with
 * another state folder, which knows nothing of this transaction: such changes are not undone with it.
 */
export class LaterChanges {
  readonly #link: HostLink;
  readonly #header: JournalHeader;
  /** By UUID: marks that later transactions left on domains of this one. */
  readonly #tuned: ReadonlyMap<string, TunedMark>;
  /** Domains of the transaction. */
  readonly #own: readonly DomainState[];
  /** Other domains, tuned in the same run or later, that may depend on what this transaction did to the host. */
  readonly #relying: readonly DomainState[];

  static async since(link: HostLink, header: JournalHeader): Promise<LaterChanges> {
    return new LaterChanges(link, header, await readDomains(link.reader));
  }

  private constructor(link: HostLink, header: JournalHeader, domains: readonly DomainState[]) {
    this.#link = link;
    this.#header = header;
    const own = new Map(header.domains.map((each) => [each.domain.uuid, each]));
    const tuned = domains.flatMap((state) => {
      const mark = markOf(state);
      // Transactions of one run share the mark's id, with a number appended.
      return mark === undefined || header.id.startsWith(mark.id) ? [] : [{ state, mark }];
    });
    this.#tuned = new Map(
      tuned
        .filter(({ state: { domain }, mark }) => {
          const before = own.get(domain.uuid);
          return before !== undefined && markBefore(before)?.id !== mark.id && mark.at > header.at;
        })
        .map(({ state, mark }) => [state.domain.uuid, mark]),
    );
    this.#own = domains.filter(({ domain }) => own.has(domain.uuid));
    this.#relying = domains.filter((state) => {
      const mark = own.has(state.domain.uuid) ? undefined : markOf(state);
      return mark !== undefined && (header.id.startsWith(mark.id) || mark.at > header.at);
    });
  }

  /**
   * @throws TunerError TUNE_CHANGED when another transaction has tuned the step's domain since. With such a domain,
   * steps of the host are kept too: its definition before that transaction may depend on them. `proceed`: the end of
   * the message, as in `NextSteps`.
   */
  checkDomain(step: Step, proceed = 'or use --force to roll back all of this one anyway'): void {
    const [uuid, mark] =
      'domain' in step
        ? [step.domain.uuid, this.#tuned.get(step.domain.uuid)]
        : ([...this.#tuned][0] ?? [undefined, undefined]);
    if (mark === undefined) return;
    const name = this.#own.find(({ domain }) => domain.uuid === uuid)?.domain.name;
    throw new TunerError(
      'TUNE_CHANGED',
      `transaction ${mark.id} has since tuned domain ${JSON.stringify(name)} (profile ${mark.profile}, ${mark.at}), perhaps from another state folder; roll that transaction back first (${shellLine(['virtune', 'tune', 'rollback', mark.id])}), ${proceed}`,
    );
  }

  /** @throws TunerError TUNE_CHANGED when domains that depend on these pages could no longer boot. */
  async checkPool(step: StepOf<'hostPages'>, to: number): Promise<void> {
    if (this.#relying.length === 0) return;
    const { cell, sizeKiB } = step;
    const host = await readHost(this.#link.reader, this.#header.uri, this.#link.local);
    const returned = heldIn(host, this.#own, cell, sizeKiB);
    const now = missingPages(host, this.#relying);
    const pool = poolOf(host.cells, step);
    // Pages in use stay, and leave the pool as soon as they are freed (Linux, hugetlbpage.rst, surplus pages): their
    // users keep running, but cannot boot again.
    const lost = pool === undefined ? 0 : Math.max(0, pool.total - pool.free - returned - to);
    const then =
      missingPages({ ...host, cells: withPool(host.cells, { cell, sizeKiB, to, returned }) }, this.#relying) +
      lost;
    if (then <= now) return;
    const names = this.#relying.map(({ domain }) => quoted(domain));
    throw new TunerError(
      'TUNE_CHANGED',
      `with ${to} pages of ${sizeKiB} KiB in cell ${cell}, ${then - now} would be missing at the next boot of ${names.join(' or ')}; roll back the changes to ${names.length === 1 ? 'it' : 'them'} first, or use --force to shrink the pool anyway`,
    );
  }
}

/**
 * `proceed`: the end of the message, as in `NextSteps`.
 * @throws TunerError TUNE_CHANGED when the live setting holds neither the previous value nor the one that was set.
 */
export function checkLiveSetting(
  step: Step,
  liveSetting: LiveSetting,
  progress: Extract<StepProgress, { kind: 'doing' | 'done' | 'undoing' }>,
  now: unknown,
  proceed = 'then use --force to overwrite it',
): void {
  const before = progress.kind === 'undoing' ? progress.before : progress;
  const ours = before.kind === 'done' ? before.now : liveSetting.target(step, before.was);
  if (liveSetting.differs(now, before.was) === undefined) return;
  const difference = liveSetting.differs(now, ours);
  const halfDone = progress.kind !== 'done' && !liveSetting.atomic && mayBeHalfDone(before.was, ours, now);
  if (difference === undefined || halfDone) return;
  throw new TunerError(
    'TUNE_CHANGED',
    `something else has changed it since: ${difference}; review the change, ${proceed}`,
  );
}

function markBefore({ inactive, live }: JournalHeader['domains'][number]): TunedMark | undefined {
  const xml = inactive ?? live;
  return xml === undefined ? undefined : readMark(parseDomainTree('the previous XML of the domain', xml));
}

/** Whether a call whose end was not seen may have left this value: a number if it lies between, others always. */
function mayBeHalfDone(was: unknown, ours: unknown, now: unknown): boolean {
  if (typeof was !== 'number' || typeof ours !== 'number' || typeof now !== 'number') return true;
  return now >= Math.min(was, ours) && now <= Math.max(was, ours);
}
