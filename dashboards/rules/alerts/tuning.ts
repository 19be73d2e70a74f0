import { ON_VM } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, VM } from '../text.ts';

export const tuningAlerts: AlertGroup = {
  name: 'tuning',
  help: 'VMs whose configuration differs from their tuning profile.',
  alerts: [
    alert({
      alert: 'DomainTuningDrift',
      severity: 'warning',
      subject: 'vm',
      component: 'tuning',
      for: '15m',
      thresholds: {},
      expr: (_, { metric }) => `${metric('virtune_tuning_drift')} == 1`,
      summary: () => `${VM} on ${HOST} has drifted from its tuning profile.`,
      description: () =>
        'It was changed by hand, or a migration or restart lost settings. Run virtune tune drift to see the differences, then apply the profile again or edit it.',
    }),
    alert({
      alert: 'DomainTuningCheckStale',
      severity: 'warning',
      subject: 'vm',
      component: 'tuning',
      for: '15m',
      thresholds: {},
      // A host that was never checked may not need it; one that was checked a day ago does.
      expr: (_, { range, metric }) => {
        const missing = (reasons: string): string =>
          metric('virtune_domain_missing', 'group="drift"', `reason=~"${reasons}"`);
        const checkedBefore = `${metric('virtune_tuning_checked_timestamp_seconds')} offset ${range('1d')}`;
        return `${missing('no_profile|stale|unreadable|not_permitted|other_host')} or (${missing('not_measured')} and ${ON_VM} ${checkedBefore})`;
      },
      summary: () => `Drift of ${VM} on ${HOST} from its tuning profile is unknown ({{ $labels.reason }}).`,
      description: () =>
        'Its profile cannot be read, its last check is more than 25 h old, or the record of checks cannot be used, so DomainTuningDrift cannot fire. Look at virtune-drift.service and the log of virtune.',
    }),
  ],
};
