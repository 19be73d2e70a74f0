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
  ],
};
