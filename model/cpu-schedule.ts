/** vCPUs that may run on the same CPUs with the same weight are alike to the scheduler, and are counted together. */
export interface CpuClass {
  readonly cpus: readonly number[];
  /** CPU seconds per second that they want together. */
  readonly demand: number;
  /** Against the weights of the others on a CPU that is asked for more than it has; 1 where it is absent. */
  readonly weight?: number | undefined;
}

/** Rounds of moving load to emptier CPUs; more change nothing that can be seen. */
const ROUNDS = 12;
/** Below this a CPU counts as not overloaded: rounding is not contention. */
const TOLERANCE = 1.001;

/**
 * What share of its demand each class gets, 0 to 1. Load moves to the emptier of the CPUs that a class may use, as CFS
 * balances; a CPU that is still asked for more than it has gives each its part, by weight. The unserved rest is delay: it
 * follows from demand above capacity and from nothing else.
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
  const served = servedOn(classes, loads, total);
  return classes.map(({ cpus, demand }, k) => {
    if (demand === 0) return 1;
    const given = cpus.reduce((sum, cpu, i) => sum + (loads[k]?.[i] ?? 0) * (served(cpu, k) ?? 1), 0);
    return Math.min(1, given / demand);
  });
}

/** Of its load on a CPU, what a class gets there. */
function servedOn(
  classes: readonly CpuClass[],
  loads: readonly (readonly number[])[],
  total: Float64Array,
): (cpu: number, k: number) => number {
  const weightOf = (k: number): number => classes[k]?.weight ?? 1;
  if (classes.every(({ weight = 1 }) => weight === 1)) {
    return (cpu) => ((total[cpu] ?? 0) <= TOLERANCE ? 1 : 1 / (total[cpu] as number));
  }
  const onCpu: { k: number; load: number; weight: number }[][] = Array.from(total, () => []);
  classes.forEach(({ cpus }, k) => {
    cpus.forEach((cpu, i) => {
      onCpu[cpu]?.push({ k, load: loads[k]?.[i] ?? 0, weight: weightOf(k) });
    });
  });
  const factors = onCpu.map((all, cpu) => ((total[cpu] ?? 0) <= TOLERANCE ? undefined : factorOf(all)));
  return (cpu, k) => Math.min(1, (factors[cpu] ?? Number.POSITIVE_INFINITY) * weightOf(k));
}

/** The factor f with which min(1, f x weight) of each load fills the CPU exactly. */
function factorOf(all: { load: number; weight: number }[]): number {
  const byWeight = all.toSorted((a, b) => b.weight - a.weight);
  let left = 1;
  let weighted = byWeight.reduce((sum, { load, weight }) => sum + load * weight, 0);
  for (const { load, weight } of byWeight) {
    const factor = left / Math.max(weighted, 1e-9);
    // The heaviest that is left does not get all that it wants, so no other does.
    if (factor * weight < 1) return factor;
    left -= load;
    weighted -= load * weight;
  }
  return Number.POSITIVE_INFINITY;
}
