import { thresholdOf } from './limits.ts';

const CPUS = thresholdOf({ alert: 'HostCpuContentionHigh', threshold: 'shortfall' });

/** For the help of panels that show contention of a host regardless of its load. */
export const IDLE_HOSTS = `Contention may be red on an idle host: HostCpuContentionHigh does not fire while the CPU shortfall is small (${CPUS} CPUs or less by default), since there is almost no demand.`;
