import { thresholdOf } from './limits.ts';
import { of } from './query.ts';

const CPUS = thresholdOf({ alert: 'HostCpuContentionHigh', threshold: 'shortfall' });

/**
 * CPU contention as HostCpuContentionHigh counts it: 0 where so few CPUs are short that there is almost no demand, or an idle host
 * would be red. For pages of one host: of each host it reads two series.
 */
export const HOST_CONTENTION = `${of('instance:virtune_vcpu_contention:ratio_rate5m')} * (${of('instance:virtune_vcpu_delay:sum_rate5m')} > bool ${CPUS})`;

/** For the help of panels that show it. */
export const WHAT_COUNTS = `Contention is 0 where the host is short of ${CPUS} CPUs or less: there is almost no demand, and HostCpuContentionHigh does not fire.`;

/** For the help of panels that show contention whatever the demand is. */
export const IDLE_HOSTS = `Contention of an idle host may be red: where ${CPUS} CPUs or less are short, there is almost no demand, and HostCpuContentionHigh does not fire.`;
