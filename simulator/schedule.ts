/** vCPUs that may run on the same CPUs are alike to the scheduler, and are counted together. */
export interface CpuClass {
  readonly cpus: readonly number[];
  /** CPU seconds a second that they want together. */
  readonly demand: number;
}

/** Rounds of moving load to emptier CPUs; more change nothing that can be seen. */
const ROUNDS = 12;
/** Below this a CPU counts as not overloaded: rounding is not contention. */
const TOLERANCE = 1.001;

/**
 * What share of its demand each class gets, 0 to 1. Load moves to the emptier of the CPUs that a class may
 * use, as CFS balances; a CPU that is still asked for more than it has gives each its part. The unserved
 * rest is delay: it follows from demand above capacity and from nothing else.
 */
export function shareOut(classes: readonly CpuClass[], cpuCount: number): number[] {
  const loads = classes.map(({ cpus, demand }) => cpus.map(() => demand / Math.max(1, cpus.length)));
  const total = new Float64Array(cpuCount);
  const addUp = (): void => {
    total.fill(0);
    classes.forEach(({ cpus }, k) => {
      cpus.forEach((cpu, i) => {
        total[cpu] = (total[cpu] ?? 0) + (loads[k]?.[i] ?? 0);
      });
    });
  };
  for (let round = 0; round < ROUNDS; round++) {
    addUp();
    classes.forEach(({ cpus, demand }, k) => {
      const own = loads[k] as number[];
      const pull = own.map((load, i) => (load + 1e-6) / Math.max(total[cpus[i] as number] ?? 0, 1e-6));
      const sum = pull.reduce((a, b) => a + b, 0);
      loads[k] = pull.map((each) => (demand * each) / sum);
    });
  }
  addUp();
  return classes.map(({ cpus, demand }, k) => {
    if (demand === 0) return 1;
    const given = cpus.reduce((sum, cpu, i) => {
      const load = total[cpu] ?? 0;
      return sum + (loads[k]?.[i] ?? 0) * (load <= TOLERANCE ? 1 : 1 / load);
    }, 0);
    return Math.min(1, given / demand);
  });
}
