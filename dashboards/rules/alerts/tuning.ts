import { metric } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, VM } from '../text.ts';

export const tuningAlerts: AlertGroup = {
  name: 'tuning',
  help: 'VMs that are no longer tuned as their profile says.',
  alerts: [
    alert({
      alert: 'DomainTuningDrift',
      severity: 'warning',
      component: 'tuning',
      for: '15m',
      thresholds: {},
      expr: () => `${metric('virtune_tuning_drift')} == 1`,
      summary: () => `${VM} on ${HOST} is no longer tuned as its profile says.`,
      description: () =>
        'Somebody changed it by hand, or a migration or restart lost what is not kept. See what differs, then apply the profile again or change it.',
    }),
  ],
};
