import { Recorder } from '../../sampler/record/recorder.ts';
import type { Recording } from '../../sampler/record/recording.ts';
import { type BatchOptions, chosen, crossings, downHosts, knownNow } from '../../tui/batch/batch.ts';
import { csvHeader, csvRow } from '../../tui/batch/csv.ts';
import { jsonLine } from '../../tui/batch/json.ts';
import { textTick } from '../../tui/batch/text.ts';
import type { HostSource } from '../../tui/feed/live.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { type Scene, sceneOf } from '../../tui/model/host-view.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
import { ExitCode } from '../exit-codes.ts';
import { errorText, log } from '../log.ts';

export interface RunBatchOptions extends BatchOptions {
  /** Undefined for a recording, which has those that it was made with. */
  readonly delayMs: number | undefined;
  /** Infinity: until it is stopped. */
  readonly iterations: number;
  readonly units: 'bytes' | 'requests';
  readonly ascii: boolean;
  readonly record: string | undefined;
}

/** Something to print, at its own pace. */
export type Scenes = AsyncIterable<Scene>;

/** Every host asked at once, each tick; the first sample only gives the second its rates. */
export async function* liveScenes(
  sources: readonly HostSource[],
  {
    delayMs,
    iterations,
    record,
  }: Pick<RunBatchOptions, 'iterations' | 'record'> & { readonly delayMs: number },
  signal: AbortSignal,
): AsyncGenerator<Scene> {
  const recorder = record === undefined ? undefined : await Recorder.create(record);
  const models = sources.map(
    (source) =>
      [source, new HostModel({ name: source.name, uri: source.uri, groups: source.groups })] as const,
  );
  try {
    let nextMs = performance.now();
    for (let tick = 0; tick <= iterations && !signal.aborted; tick++) {
      await Promise.all(
        models.map(async ([source, model]) => {
          try {
            const sample = await source.sample();
            recorder?.add({ name: source.name, uri: source.uri, groups: [...source.groups] }, sample);
            model.ingest(sample);
          } catch (error) {
            model.fail(error as Error, Date.now());
          }
        }),
      );
      if (recorder?.error !== undefined) throw recorder.error;
      if (signal.aborted) return;
      if (tick > 0) {
        yield sceneOf(
          models.map(([, model]) => model.view),
          Date.now(),
        );
      }
      nextMs = Math.max(performance.now(), nextMs + delayMs);
      if (tick < iterations) await pause(nextMs - performance.now(), signal);
    }
  } finally {
    await recorder?.close();
  }
}

/**
 * A recording as fast as it can be read: for each sample a scene of its host alone, since those of other hosts are of other
 * times. As live, the first sample of a host only gives the second its rates, unless there is no second.
 * @param iterations of each host
 * @throws RecordingError
 */
export async function* recordedScenes(recording: Recording, iterations: number): AsyncGenerator<Scene> {
  const { modelOf } = await import('../../tui/feed/replay.ts');
  const counts = new Map<string, number>();
  for (let index = 0; index < recording.length; index++) {
    const { name } = recording.hostAt(index);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const models = new Map<string, HostModel>();
  const printed = new Map<string, number>();
  for (let index = 0; index < recording.length; index++) {
    const { name } = recording.hostAt(index);
    const before = printed.get(name) ?? 0;
    if (before >= iterations) continue;
    const { host, sample } = recording.read(index);
    const known = models.get(name);
    const model = known ?? modelOf(host);
    models.set(name, model);
    model.ingest(sample);
    if (known === undefined && (counts.get(name) ?? 0) > 1) continue;
    printed.set(name, before + 1);
    yield sceneOf([model.view], recording.atMs(index));
  }
}

/** Prints until the samples end; the exit code says whether a threshold was crossed. */
export async function runBatch(scenes: Scenes, options: RunBatchOptions): Promise<number> {
  const { format, thresholds, sort } = options;
  let crossed = false;
  let anyUp = false;
  if (format === 'csv') await print(csvHeader());
  for await (const seen of scenes) {
    const scene = knownNow(seen);
    for (const { name, down } of downHosts(scene)) {
      if (down !== undefined) log(`virtune top: ${name}: ${errorText(down.error)}`);
    }
    anyUp ||= scene.hosts.some((host) => host.down === undefined);
    const vms = chosen(scene, options);
    if (format === 'json') await print(jsonLine(scene, vms));
    else if (format === 'csv') await print(vms.map((vm) => csvRow(vm, scene.atMs)).join(''));
    else {
      const sorts = { ...INITIAL_STATE.sorts, vms: sort };
      await print(
        `${textTick(scene, { filter: options.filter, sorts, units: options.units, ascii: options.ascii, delayMs: options.delayMs })}\n`,
      );
    }
    for (const { vm, threshold, value } of crossings(vms, thresholds)) {
      crossed = true;
      log(`virtune top: ${vm.name} on ${vm.host}: ${threshold.text}, it is ${value}`);
    }
  }
  if (crossed) return ExitCode.threshold;
  return anyUp ? ExitCode.ok : ExitCode.unavailable;
}

/** Waits where the reader is slower. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(text)) resolve();
    else process.stdout.once('drain', resolve);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.max(0, ms));
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
