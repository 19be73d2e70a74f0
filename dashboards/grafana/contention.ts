import { thresholdOf } from './limits.ts';

const CPUS = thresholdOf({ alert: 'HostCpuContentionHigh', threshold: 'shortfall' });

/** For the help of panels that show contention of a host regardless of its load. */
export const IDLE_HOSTS = `Contention of an idle host may be red: HostCpuContentionHigh does not fire where few CPUs are short (${CPUS} or less by default), since there is almost no demand.`;
