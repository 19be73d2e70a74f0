import { XMLSerializer } from '@xmldom/xmldom';
import { parseDomain } from '../../model/domain/domain.ts';
import { type Element, parseXml } from '../../model/xml.ts';
import type { DomainState, DomainView } from '../facts/facts.ts';
import { type Violation, violationsOf } from '../invariants/all.ts';
import type { Subject } from '../invariants/invariant.ts';
import type { Row } from './verdict.ts';
import { TRANSIENT } from './verdict.ts';

/** What is around a domain, for which it must not become a danger. */
export type Surroundings = Pick<Subject, 'host' | 'hostCpus' | 'others'>;

/** What decides whether a class, a promise or a lock that only a boot can take away is harmless meanwhile. */
const PLACES = /^(vcpupin|emulatorpin|iothreadpin|vcpu\.cpuset|memtune\.|numatune\.)/;

/**
 * Rows of a running domain that would be dangerous now, though not once it has booted, wait for the boot as well: pins
 * that spread out while vCPUs are still real-time threads.
 */
export function safeNow(rows: readonly Row[], state: DomainState, around: Surroundings): readonly Row[] {
  const { live, inactive } = state;
  if (live === undefined) return rows;
  const now = rows.filter(({ verdict }) => verdict.kind === 'live');
  if (!now.some(({ wish }) => PLACES.test(wish.setting.id))) return rows;
  const after = parseXml('the running domain', live.xml, 'domain');
  for (const { wish } of now) wish.setting.write(after, wish.target, wish.value);
  const created = violationsOf(subjectOf(viewOf(after), around), subjectOf(live, around)).filter(
    (each) => each.created && each.level === 'refuse',
  );
  if (created.length === 0) return rows;
  return rows.map((row) =>
    row.verdict.kind === 'live' && PLACES.test(row.wish.setting.id)
      ? {
          ...row,
          verdict: inactive === undefined ? { kind: 'impossible', problem: TRANSIENT } : { kind: 'boot' },
        }
      : row,
  );
}

/** What the domain would break at its next boot; or as it runs, where it has none. */
export function violationsAfter(
  rows: readonly Row[],
  state: DomainState,
  defined: string | undefined,
  around: Surroundings,
): Violation[] {
  const before = state.inactive ?? state.live;
  if (before === undefined) return [];
  const after = defined === undefined ? before : viewOf(parseXml('the definition', defined, 'domain'));
  if (state.inactive !== undefined || state.live === undefined)
    return violationsOf(subjectOf(after, around), subjectOf(before, around));
  const root = parseXml('the running domain', state.live.xml, 'domain');
  for (const { wish, verdict } of rows)
    if (verdict.kind === 'live') wish.setting.write(root, wish.target, wish.value);
  return violationsOf(subjectOf(viewOf(root), around), subjectOf(before, around));
}

const subjectOf = ({ root, facts }: DomainView, around: Surroundings): Subject => ({
  root,
  facts,
  ...around,
});

function viewOf(root: Element): DomainView {
  const xml = new XMLSerializer().serializeToString(root);
  return { xml, root, facts: parseDomain(xml) };
}
