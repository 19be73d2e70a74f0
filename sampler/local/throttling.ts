import { parseNamedNumbers } from '../host/proc.ts';
import { LastingCounter } from '../lasting-counter.ts';
import { listNames, readProcFile } from '../proc-file.ts';

export interface Throttling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

interface GroupCounters {
  readonly periods: LastingCounter;
  readonly throttledPeriods: LastingCounter;
  readonly throttledNs: LastingCounter;
}

/**
 * How often the groups of a VM were throttled. A quota may be set on the VM or, as libvirt does, on each vCPU; each
 * group counts separately, so all are summed. The group of an unplugged vCPU disappears, and its counts stay.
 */
export class VmThrottling {
  readonly #byGroup = new Map<string, GroupCounters>();

  /** @param group the VM's folder; undefined while none of its groups has such counters */
  read(group: string): Throttling | undefined {
    // The quota of the whole VM is on libvirt's group, nested in systemd's unit (vircgroup.c, virCgroupGetNested).
    const outer = [group, `${group}/libvirt`];
    const inner = outer.flatMap((parent) =>
      listNames(parent)
        .filter((name) => /^(emulator|vcpu\d+|iothread\d+)$/.test(name))
        .map((name) => `${parent}/${name}`),
    );
    for (const path of [...outer, ...inner]) this.#readGroup(path);
    if (this.#byGroup.size === 0) return undefined;
    let [periods, throttledPeriods, throttledNs] = [0, 0, 0];
    for (const each of this.#byGroup.values()) {
      periods += each.periods.value;
      throttledPeriods += each.throttledPeriods.value;
      throttledNs += each.throttledNs.value;
    }
    return { periods, throttledPeriods, throttledNs };
  }

  #readGroup(path: string): void {
    const stat = parseNamedNumbers(readProcFile(`${path}/cpu.stat`) ?? '');
    if (!stat.has('nr_periods')) return;
    const counters = this.#byGroup.get(path) ?? {
      periods: new LastingCounter(),
      throttledPeriods: new LastingCounter(),
      throttledNs: new LastingCounter(),
    };
    this.#byGroup.set(path, counters);
    counters.periods.next(stat.get('nr_periods') ?? 0);
    counters.throttledPeriods.next(stat.get('nr_throttled') ?? 0);
    // v1 counts ns, v2 µs.
    counters.throttledNs.next(stat.get('throttled_time') ?? (stat.get('throttled_usec') ?? 0) * 1_000);
  }
}
