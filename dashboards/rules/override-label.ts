import { labelsBySeries, subjectLabels } from '../../model/catalogue/labels.ts';
import { CLUSTER_LABEL } from '../cluster-label.ts';
import { ALERT_LABELS } from '../promql.ts';
import type { AlertRule } from './rule.ts';

const ABOUT = { vm: 'VMs', host: 'hosts', fleet: 'clusters' } as const;

/**
 * Why an override of this alert by this label would never apply, and what to match instead; undefined if it may apply:
 * the target labels of a site are not known here.
 */
export function overrideLabelFault(
  { alert, subject, labels = [], ...rule }: AlertRule,
  label: string,
  clusterLabel: string,
): string | undefined {
  if (subject === 'monitoring') return `${alert} is not about hosts or VMs, so it has no overrides`;
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) return 'a label name has letters, digits and _ only';
  if ([CLUSTER_LABEL, clusterLabel].includes(label)) return undefined;
  const about = `${alert} is about ${ABOUT[subject]}`;
  if (subject === 'fleet') return `${about}: its series have only the label ${clusterLabel}; match that`;
  const own = subject === 'vm' ? ['domain', ...labels] : labels;
  if (own.includes(label)) return undefined;
  if (!isOurs(rule, label)) return undefined;
  const choices = ['instance', clusterLabel, ...own].join(', ');
  return `${about}: its series have no label ${label} to match; use ${choices} or another label of your scrape configuration`;
}

/** Whether the label comes from virtune, the rules or Prometheus, rather than from the scrape configuration. */
function isOurs(rule: Pick<AlertRule, 'expr' | 'thresholds'>, label: string): boolean {
  if (label.startsWith('__') || subjectLabels.has(label)) return true;
  if ((ALERT_LABELS as readonly string[]).includes(label)) return true;
  const used = new Set<string>();
  const values = Object.fromEntries(
    Object.entries(rule.thresholds).map(([name, { value }]) => [name, value]),
  );
  rule.expr(values, {
    range: (duration) => duration,
    metric: (name) => {
      for (const each of labelsBySeries.get(name) ?? []) used.add(each);
      return name;
    },
    recorded: (name) => name,
    alerts: () => 'ALERTS',
  });
  return used.has(label);
}
