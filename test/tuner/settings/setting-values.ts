import fc from 'fast-check';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { Setting } from '../../../tuner/settings/setting.ts';
import { sizeText } from '../../../tuner/settings/values.ts';

const list = fc.uniqueArray(fc.nat(63), { minLength: 1 }).map((cpus) => CpuSet.of(cpus).toString());
const count = fc.integer({ min: 1, max: 1_000_000 }).map(String);
const size = fc.integer({ min: 1, max: 2 ** 34 }).map(sizeText);
const onOff = fc.constantFrom('on', 'off');
const yesNo = fc.constantFrom('yes', 'no');
const oneOf = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const policy = fc.oneof(
  oneOf('batch', 'idle'),
  fc
    .tuple(oneOf('fifo', 'rr'), fc.integer({ min: 1, max: 99 }))
    .map(([name, priority]) => `${name} ${priority}`),
);
const bandwidth = fc
  .record({ average: count, peak: fc.option(count), burst: fc.option(count) })
  .map((parts) =>
    Object.entries(parts)
      .flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]))
      .join(' '),
  );
const topology = fc
  .tuple(...Array.from({ length: 5 }, () => fc.integer({ min: 1, max: 64 })))
  .map(([sockets, dies, clusters, cores, threads]) =>
    [
      `sockets=${sockets}`,
      `dies=${dies}`,
      ...(clusters === 1 ? [] : [`clusters=${clusters}`]),
      `cores=${cores}`,
      `threads=${threads}`,
    ].join(' '),
  );

/** Values in canonical form, by setting or by prefix of its name. */
const VALUES: readonly [RegExp, fc.Arbitrary<string>][] = [
  [/^vcpu\.placement$/, oneOf('auto')],
  [/^(vcpupin|emulatorpin|iothreadpin|vcpu\.cpuset|numatune\.nodeset)$/, list],
  [
    /^iothreads$/,
    fc
      .uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1 })
      .map((ids) => CpuSet.of([1, ...ids]).toString()),
  ],
  [/^(disk|scsi)\.iothreads$/, oneOf('1-4', '2', '1=0-1 2=2-3', '1=0')],
  [/^iothread\.pool$/, fc.tuple(fc.nat(64), count).map(([least, most]) => `${least}-${most}`)],
  [/^numatune\.mode$/, oneOf('strict', 'preferred', 'interleave', 'restrictive')],
  [/^memnode$/, fc.tuple(oneOf('strict', 'preferred'), list).map((words) => words.join(' '))],
  [/^numa\.cells$/, fc.tuple(size, size).map(([a, b]) => `0,2 ${a}, 1,3 ${b}, no CPUs 1 GiB`)],
  [/sched$/, policy],
  [/^cachetune$/, oneOf('0-3: L3 0 both 3 MiB, L3 1 both 3 MiB', '0: L3 0 code 1 MiB; 1,3: L3 0 data 1 MiB')],
  [/^memorytune$/, oneOf('0-3: node 0 60 %', '0: node 0 20 %, node 1 30 %; 1-3: node 0 40 %')],
  [/^cpu\.mode$/, oneOf('host-passthrough', 'host-model', 'maximum', 'custom EPYC')],
  [/^cpu\.topology$/, topology],
  [/^cpu\.feature/, oneOf('require', 'disable')],
  [/^hyperv\.spinlocks$/, fc.oneof(oneOf('off'), fc.integer({ min: 4095, max: 2 ** 31 }).map(String))],
  [/^(hyperv|kvm)\.|^pmu$|^balloon\.(free|auto)/, onOff],
  [/^timer\.(hpet|hypervclock|kvmclock)$/, yesNo],
  [/^timer\.(rtc|pit)$/, oneOf('delay', 'catchup', 'merge', 'discard')],
  [/^hugepages$/, fc.oneof(size, oneOf('default', '1 GiB on 0, 2 MiB on 1'))],
  [/^(locked|nosharepages)$/, oneOf('yes')],
  [/^memory\.allocation$/, oneOf('immediate', 'ondemand')],
  [/^memory\.current$|^memtune\./, size],
  [/^balloon\.model$/, oneOf('virtio', 'none')],
  [/^disk\.bus$/, oneOf('virtio', 'scsi')],
  [/^disk\.cache$/, oneOf('none', 'writeback', 'directsync')],
  [/^disk\.io$/, oneOf('native', 'threads', 'io_uring')],
  [/^disk\.discard$/, oneOf('unmap', 'ignore')],
  [/^disk\.detectZeroes$/, oneOf('off', 'on', 'unmap')],
  [/^disk\.(statisticsIntervals|latencyBins)$/, oneOf('1', '1, 60', '5, 60, 3600')],
  [/^disk\.iotune\.group$/, oneOf('a', 'tenant <&"\'>')],
  [/^nic\.model$/, oneOf('virtio', 'e1000e')],
  [/^nic\.driver$/, oneOf('vhost', 'qemu')],
  [/^nic\.queues$/, fc.integer({ min: 2, max: 256 }).map(String)],
  [/^nic\.bandwidth/, bandwidth],
];
/** Values of a setting in canonical form. */
export const valuesOf = ({ id }: Setting): fc.Arbitrary<string> =>
  VALUES.find(([pattern]) => pattern.test(id))?.[1] ?? count;

/** Always present, or their absence has more than one spelling (`-1`, `default`, `static`, `auto`). */
export const NOT_BYTE_FOR_BYTE =
  /^(memory\.current|numatune\.nodeset|disk\.bus|disk\.cache|vcpu\.placement|.*\.quota)$/;
