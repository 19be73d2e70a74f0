import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** Values of knobs that fit any host, however small, as none needs CPUs. Those of a knob are equally good. */
const VALUES: Readonly<Record<string, readonly (string | number)[]>> = {
  'cpu.shares': ['default', 200, 512, 2_048],
  'cpu.period': ['default', 50_000, 100_000],
  'cpu.quota': ['default', 50_000, 150_000],
  'global.quota': ['default', 200_000],
  'emulator.quota': ['default', 80_000],
  'iothread.quota': ['default', 60_000],
  'cpu.scheduler': ['default', 'batch', 'idle'],
  'cpu.pmu': ['default', 'on', 'off'],
  'cpu.topology': ['auto'],
  'timer.hpet': ['default', 'on', 'off'],
  'timer.rtc': ['default', 'delay', 'catchup'],
  'blkio.weight': ['default', 100, 700],
  'memory.hardLimit': ['default', '= memory, plus 1 GiB', '2 GiB'],
  'memory.softLimit': ['default', '= memory', '48 MiB'],
  'memory.swapHardLimit': ['default', '= memory, plus 3 GiB'],
  'memory.nosharepages': ['on', 'off'],
  'memory.allocation': ['default', 'immediate', 'ondemand'],
  'balloon.statsPeriod': ['default', 1, 5, 60],
  'balloon.freePageReporting': ['default', 'on', 'off'],
  'balloon.autodeflate': ['default', 'on', 'off'],
  'iothread.count': [0, 1, 2, 3],
  'iothread.pollMax': ['default', 0, 65_536],
  'iothread.pollGrow': ['default', 4],
  'iothread.pool': ['default', '0-16', '2-8'],
  'disk.cache': ['default', 'none', 'writeback', 'directsync', 'writethrough'],
  'disk.io': ['default', 'native', 'threads', 'io_uring', 'auto'],
  'disk.discard': ['default', 'unmap', 'ignore', 'auto'],
  'disk.detectZeroes': ['default', 'off', 'unmap'],
  'disk.queues': ['default', 1, '= vCPUs, at most 2'],
  'disk.queueSize': ['default', 64, 256],
  'disk.iothread': ['spread', 'mapped', 'auto', 'none'],
  'disk.iotune.totalIopsSec': ['default', 500, 2_000],
  'disk.iotune.totalIopsSecMax': ['default', 4_000],
  'disk.iotune.writeBytesSec': ['default', 10_485_760],
  'disk.iotune.readBytesSec': ['default', 20_971_520],
  'disk.iotune.group': ['default', 'one'],
  'scsi.queues': ['default', 1, 2, 4],
  'scsi.iothread': ['spread', 'mapped', 'auto', 'none'],
  'numa.memory': ['none', 'preferred', 'strict'],
  'memory.pages': ['default', 'default', 'default', '2 MiB'],
};

/** The content of a user's profile besides its base. */
export interface OwnProfile {
  readonly extends: string | undefined;
  readonly knobs: Readonly<Record<string, string | number>>;
}

/**
 * A user's profiles by name: some are independent, some extend a built-in one. `without`: knobs that the host cannot
 * set.
 */
export function ownProfiles(
  names: readonly string[],
  without: readonly string[] = [],
): fc.Arbitrary<Record<string, OwnProfile>> {
  const knob = fc
    .constantFrom(...Object.keys(VALUES).filter((id) => !without.includes(id)))
    .chain((id) => fc.tuple(fc.constant(id), fc.constantFrom(...(VALUES[id] ?? []))));
  const profile = fc.record({
    extends: fc.constantFrom(undefined, undefined, undefined, 'dense', 'balanced'),
    knobs: fc
      .uniqueArray(knob, { minLength: 2, maxLength: 9, size: 'max', selector: ([id]) => id })
      .map((each) => Object.fromEntries(each)),
  });
  return fc.record(Object.fromEntries(names.map((name) => [name, profile])));
}

/** Writes them to files in a folder for `--profiles`. */
export function writeProfiles(folder: string, profiles: Readonly<Record<string, OwnProfile>>): void {
  mkdirSync(folder, { recursive: true });
  const reasons = { why: 'a history asks for it', source: 'judgement' };
  for (const [name, { extends: base, knobs }] of Object.entries(profiles)) {
    const said = Object.entries(knobs).map(([id, value]) => [id, { value, ...reasons }]);
    const file = { title: name, ...(base && { extends: base }), knobs: Object.fromEntries(said) };
    writeFileSync(join(folder, `${name}.yaml`), JSON.stringify(file));
  }
}
