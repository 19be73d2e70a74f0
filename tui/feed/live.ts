import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Recorder } from '../../sampler/record/recorder.ts';
import { HostModel } from '../model/host-model.ts';
import { type Scene, sceneOf } from '../model/host-view.ts';
import type { Session } from '../state/state.ts';
import type { Feed } from './feed.ts';

/** A host that can be sampled. */
export interface HostSource {
  readonly name: string;
  readonly uri: string;
  readonly groups: ReadonlySet<GroupName>;
  sample(): Promise<HostSample>;
  close(): Promise<void>;
}

interface Watched {
  readonly source: HostSource;
  readonly model: HostModel;
  samples: number;
  wake: (() => void) | undefined;
}

/** Rates need two samples; the second comes soon after the first, however long the delay is. */
export const SECOND_AFTER_MS = 400;

/**
 * Advice takes a quarter of the CPU time of a sample of 61 VMs; computed over 30 samples, it barely changes between two
 * of them.
 */
const ADVICE_MS = 2_900;

/** Samples each host independently: a hung host does not delay the others. */
export class LiveFeed implements Feed {
  readonly #watched: readonly Watched[];
  readonly #now: () => number;
  #delayMs: number;
  #recorder: Recorder | undefined;
  #closed = false;
  #scene: Scene;
  #onTrouble: (text: string) => void = () => undefined;
  #loops: Promise<void>[] = [];

  constructor(sources: readonly HostSource[], delayMs: number, now: () => number = Date.now) {
    this.#now = now;
    this.#delayMs = delayMs;
    this.#watched = sources.map((source) => ({
      source,
      model: new HostModel({
        name: source.name,
        uri: source.uri,
        groups: source.groups,
        adviceMs: ADVICE_MS,
      }),
      samples: 0,
      wake: undefined,
    }));
    this.#scene = this.#newScene();
  }

  get scene(): Scene {
    return this.#scene;
  }

  get session(): Session {
    return { replay: undefined, recording: this.#recorder?.file };
  }

  start(onScene: () => void, onTrouble: (text: string) => void): void {
    this.#onTrouble = onTrouble;
    this.#loops = this.#watched.map((watched) => this.#watch(watched, onScene));
  }

  refresh(): void {
    for (const { wake } of this.#watched) wake?.();
  }

  setDelay(delayMs: number): void {
    const shorter = delayMs < this.#delayMs;
    this.#delayMs = delayMs;
    if (shorter) this.refresh();
  }

  seek(): void {
    this.#onTrouble('only for recordings: virtune top --replay FILE');
  }

  seekTo(): void {
    this.seek();
  }

  togglePlay(): void {
    this.seek();
  }

  /** The current recording ends once the new one has started, and continues if that fails. */
  async record(file: string): Promise<void> {
    const next = await Recorder.create(file);
    const before = this.#recorder;
    this.#recorder = next;
    await before?.close();
  }

  async stopRecording(): Promise<void> {
    const recorder = this.#recorder;
    this.#recorder = undefined;
    await recorder?.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.refresh();
    await this.stopRecording();
    await Promise.all(this.#watched.map(({ source }) => source.close()));
    await Promise.all(this.#loops);
  }

  async #watch(watched: Watched, onScene: () => void): Promise<void> {
    while (!this.#closed) {
      const startedMs = performance.now();
      await this.#sample(watched);
      if (this.#closed) return;
      this.#scene = this.#newScene();
      onScene();
      const delayMs = watched.samples === 1 ? Math.min(SECOND_AFTER_MS, this.#delayMs) : this.#delayMs;
      await this.#pause(watched, Math.max(0, delayMs - (performance.now() - startedMs)));
    }
  }

  async #sample(watched: Watched): Promise<void> {
    const { source, model } = watched;
    try {
      const sample = await source.sample();
      model.ingest(sample);
      watched.samples++;
      this.#record(source, sample);
    } catch (error) {
      model.fail(error as Error, this.#now());
    }
  }

  #record(source: HostSource, sample: HostSample): void {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    recorder.add({ name: source.name, uri: source.uri, groups: [...source.groups] }, sample);
    if (recorder.error === undefined) return;
    this.#onTrouble(recorder.error.message);
    void this.stopRecording().catch(() => undefined);
  }

  #newScene(): Scene {
    return sceneOf(
      this.#watched.map(({ model }) => model.view),
      this.#now(),
    );
  }

  #pause(watched: Watched, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        watched.wake = undefined;
        resolve();
      }
      watched.wake = done;
    });
  }
}
