import { Recorder } from '../../sampler/record/recorder.ts';
import type { Recording } from '../../sampler/record/recording.ts';
import { type BatchOptions, chosen, crossings, knownNow } from '../../tui/batch/batch.ts';
import { csvHeader, csvRow } from '../../tui/batch/csv.ts';
import { jsonLine } from '../../tui/batch/json.ts';
import { textTick } from '../../tui/batch/text.ts';
import { type HostSource, SECOND_AFTER_MS } from '../../tui/feed/live.ts';
import { MIN_SAMPLES } from '../../tui/model/host-advice.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { downHosts, type Scene, sceneOf } from '../../tui/model/host-view.ts';
import type { Vm } from '../../tui/model/vm.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
import { ExitCode } from '../exit-codes.ts';
import { errorText, log } from '../log.ts';

export interface RunBatchOptions extends BatchOptions {
  /** Undefined for a recording, which has its own intervals. */
  readonly delayMs: number | undefined;
  /** Infinity: until it is stopped. */
  readonly iterations: number;
  readonly units: 'bytes' | 'requests';
  readonly ascii: boolean;
  readonly record: string | undefined;
}

/** What to print, as it becomes available. */
export type Scenes = AsyncIterable<Scene>;

type LiveOptions = Pick<RunBatchOptions, 'iterations' | 'record' | 'thresholds'> & {
  readonly delayMs: number;
};

/**
 * Samples all hosts concurrently at each tick. The first sample of a host only provides the base for rates. A host that
 * joins late is sampled a second time soon after, so that no scene contains a host that is up without rates. With a
 * threshold on findings, scenes start only once there are enough samples for findings.
 */
export async function* liveScenes(
  sources: readonly HostSource[],
  { delayMs, iterations, record, thresholds }: LiveOptions,
  signal: AbortSignal,
): AsyncGenerator<Scene> {
  const recorder = record === undefined ? undefined : await Recorder.create(record);
  const models = sources.map(
    (source) =>
      [source, new HostModel({ name: source.name, uri: source.uri, groups: source.groups })] as const,
  );
  const unprinted = thresholds.some(({ column }) => column.id === 'findings') ? MIN_SAMPLES : 1;
  async function sample(source: HostSource, model: HostModel): Promise<void> {
    const sampled = await source.sample();
    recorder?.add({ name: source.name, uri: source.uri, groups: [...source.groups] }, sampled);
    model.ingest(sampled);
  }
  try {
    let nextMs = performance.now();
    for (let tick = 0; tick < iterations + unprinted && !signal.aborted; tick++) {
      await Promise.all(
        models.map(async ([source, model]) => {
          const isFirst = model.view.sample === undefined;
          try {
            await sample(source, model);
            if (!isFirst || tick === 0) return;
            await pause(Math.min(SECOND_AFTER_MS, delayMs), signal);
            if (!signal.aborted) await sample(source, model);
          } catch (error) {
            model.fail(error as Error, Date.now());
          }
        }),
      );
      if (recorder?.error !== undefined) throw recorder.error;
      if (signal.aborted) return;
      if (tick >= unprinted) {
        yield sceneOf(
          models.map(([, model]) => model.view),
          Date.now(),
        );
      }
      nextMs = Math.max(performance.now(), nextMs + delayMs);
      if (tick < iterations + unprinted - 1) await pause(nextMs - performance.now(), signal);
    }
  } finally {
    await recorder?.close();
  }
}

/**
 * Replays a recording as fast as it can be read. Each sample is a scene of its host alone, since the samples of other
 * hosts have other times. As live, the first sample of a host only provides the base for rates, unless it is the only
 * one.
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

/**
 * Prints until the samples end or the output is closed. The exit code reports a crossed threshold, else whether hosts
 * could be asked. With thresholds, all hosts must have answered at the end, since success means that no VM is above
 * them.
 */
export async function runBatch(scenes: Scenes, options: RunBatchOptions): Promise<number> {
  const { format, thresholds } = options;
  let crossed = false;
  let anyUp = false;
  let allUp = false;
  if (format === 'csv' && !(await print(csvHeader()))) return ExitCode.ok;
  for await (const seen of scenes) {
    const scene = knownNow(seen);
    const down = downHosts(scene);
    for (const host of down) {
      if (host.down !== undefined) log(`virtune top: ${host.name}: ${errorText(host.down.error)}`);
    }
    allUp = down.length === 0;
    anyUp ||= down.length < scene.hosts.length;
    const vms = chosen(scene, options);
    const isTaken = await print(textOf(format, scene, vms, options));
    for (const { vm, threshold, value } of crossings(vms, thresholds)) {
      crossed = true;
      log(`virtune top: ${vm.name} on ${vm.host}: ${threshold.text}, it is ${value}`);
    }
    if (!isTaken) break;
  }
  if (crossed) return ExitCode.threshold;
  return (thresholds.length > 0 ? allUp : anyUp) ? ExitCode.ok : ExitCode.unavailable;
}

function textOf(
  format: RunBatchOptions['format'],
  scene: Scene,
  vms: readonly Vm[],
  { filter, sort, units, ascii, delayMs }: RunBatchOptions,
): string {
  if (format === 'json') return jsonLine(scene, vms);
  if (format === 'csv') return vms.map((vm) => csvRow(vm, scene.atMs)).join('');
  const sorts = { ...INITIAL_STATE.sorts, vms: sort };
  return `${textTick(scene, { filter, sorts, units, ascii, delayMs })}\n`;
}

/**
 * Applies backpressure of the reader. False when the reader has closed the pipe or the disk is full, which
 * cli/standard-streams.ts reports.
 */
function print(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Unlike `drain`, the callback is always called.
    process.stdout.write(text, (error) => resolve(!error));
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
