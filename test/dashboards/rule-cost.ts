import { buildAlertRules, buildRecordingRules } from '../../dashboards/rules/build.ts';
import { IN_MAINTENANCE, type RecordedName } from '../../dashboards/rules/recording.ts';
import { parseSeconds } from '../../model/duration.ts';
import type { Series } from '../exposition.ts';
import { isMatched, type Matcher, type Selector, selectorsOf } from './promql.ts';

const SCRAPED_EVERY_SECONDS = 15;

/** Recorded for few hosts or VMs: while they are in maintenance, or while their disks hang. */
const SPARSE: ReadonlySet<string> = new Set([
  IN_MAINTENANCE,
  'domain:virtune_block_requests_before_hang:rate5m',
] satisfies RecordedName[]);

/** Number of series per host of a recorded level; almost none for a cluster, which many hosts share. */
function recordedOf(name: string, scrape: readonly Series[]): number {
  if (SPARSE.has(name)) return 0;
  const count = (raw: string): number => scrape.filter((series) => series.name === raw).length;
  const levels: Readonly<Record<string, number>> = {
    domain: count('libvirt_domain_vcpu_current'),
    device: count('libvirt_domain_block_stats_read_requests_total'),
    pool: count('libvirt_storage_pool_capacity_bytes'),
    instance: 1,
    cluster: 0,
    virtune: 0,
  };
  const [level = ''] = name.split(':');
  const found = levels[level];
  if (found === undefined) throw new RangeError(`${name} is of a level without a known number of series`);
  return found;
}

function seriesOf({ name = '', matchers }: Selector, scrape: readonly Series[]): number {
  if (name === 'ALERTS') return 0;
  if (name.includes(':')) return recordedOf(name, scrape);
  return scrape.filter((series) => series.name === name && matchers.every((matcher) => fits(series, matcher)))
    .length;
}

/** Prometheus adds the job. */
const fits = ({ labels }: Series, matcher: Matcher): boolean =>
  matcher.label === 'job' || isMatched(labels[matcher.label] ?? '', matcher);

/** Samples that Prometheus reads for all rules, per second, for a host with this scrape. */
export function samplesPerSecond(scrape: readonly Series[]): number {
  const groups = [...buildRecordingRules().groups, ...buildAlertRules().groups];
  return groups.reduce((sum, { interval, rules }) => {
    const selectors = rules.flatMap(({ expr }) => selectorsOf(expr));
    const samples = selectors.reduce((all, selector) => {
      const each = selector.range === undefined ? 1 : parseSeconds(selector.range) / SCRAPED_EVERY_SECONDS;
      return all + seriesOf(selector, scrape) * each;
    }, 0);
    return sum + samples / parseSeconds(interval);
  }, 0);
}
