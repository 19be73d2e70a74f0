import { DEFAULT_GROUPS, type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { RecordingError } from '../../sampler/record/recorder.ts';
import type { RecordedHost, Recording } from '../../sampler/record/recording.ts';
import { HostModel } from '../model/host-model.ts';
import { type HostView, type Scene, sceneOf } from '../model/host-view.ts';
import type { Session } from '../state/state.ts';
import type { Feed } from './feed.ts';

/** Samples before an instant that are replayed for its charts and vCPU placement. */
const BEFORE = 120;
/** Long gaps, such as a night without samples, are shortened to this. */
const GAP_MAX_MS = 5_000;
/** A host without samples for this many of its intervals is shown as down: its last figures are stale. */
const STEPS_MISSED = 3;
const MISSED_LEAST_MS = 5_000;

/** Replays a recording, with random access to any instant. */
export class ReplayFeed implements Feed {
  readonly #recording: Recording;
  #models = new Map<string, HostModel>();
  #index = -1;
  #playing = false;
  #timer: NodeJS.Timeout | undefined;
  #onScene: () => void = () => undefined;
  #onTrouble: (text: string) => void = () => undefined;
  #scene: Scene;
  /** The usual interval between two samples of each host. */
  readonly #stepMs: ReadonlyMap<string, number>;

  /** @throws RecordingError */
  constructor(recording: Recording, index = 0) {
    this.#recording = recording;
    this.#stepMs = new Map(recording.hosts.map(({ name }) => [name, usualStepMs(recording, name)]));
    this.#scene = sceneOf([], recording.atMs(0));
    // The first sample with rates is the second.
    this.#show(Math.max(index, Math.min(recording.length - 1, recording.hosts.length)));
  }

  get scene(): Scene {
    return this.#scene;
  }

  get session(): Session {
    const { length, file } = this.#recording;
    return {
      replay: { index: this.#index, count: length, playing: this.#playing, file },
      recording: undefined,
    };
  }

  start(onScene: () => void, onTrouble: (text: string) => void): void {
    this.#onScene = onScene;
    this.#onTrouble = onTrouble;
    onScene();
  }

  refresh(): void {
    this.#onScene();
  }

  setDelay(): void {
    this.#onTrouble('the interval of a recording cannot be changed');
  }

  seek(by: number): void {
    this.seekTo(Math.max(0, Math.min(this.#recording.length - 1, this.#index + by)));
  }

  seekTo(index: number): void {
    this.#stop();
    if (index < 0 || index >= this.#recording.length) {
      this.#onTrouble(`the recording has samples 1 to ${this.#recording.length}`);
      return;
    }
    this.#tryShow(index);
  }

  togglePlay(): void {
    if (this.#playing) this.#stop();
    else {
      this.#playing = true;
      if (this.#index === this.#recording.length - 1) this.#tryShow(0);
      this.#next();
    }
    this.#onScene();
  }

  record(): Promise<void> {
    return Promise.reject(new RecordingError('a replay cannot be recorded'));
  }

  stopRecording(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#stop();
    this.#recording.close();
    return Promise.resolve();
  }

  #stop(): void {
    this.#playing = false;
    clearTimeout(this.#timer);
  }

  #next(): void {
    const next = this.#index + 1;
    if (!this.#playing || next >= this.#recording.length) {
      this.#stop();
      return;
    }
    const gapMs = this.#recording.atMs(next) - this.#recording.atMs(this.#index);
    this.#timer = setTimeout(
      () => {
        this.#tryShow(next);
        this.#next();
      },
      Math.max(20, Math.min(GAP_MAX_MS, gapMs)),
    );
  }

  #tryShow(index: number): void {
    try {
      this.#show(index);
    } catch (error) {
      this.#stop();
      this.#onTrouble((error as Error).message);
    }
    this.#onScene();
  }

  /**
   * Stepping forward by one ingests one sample; any other step replays the preceding samples from scratch. For a host
   * without samples among them, its last two are replayed: it may have been down, or the recording has many hosts.
   */
  #show(index: number): void {
    if (index !== this.#index + 1) {
      this.#models = new Map();
      const from = Math.max(0, index - BEFORE);
      const among = new Set<string>();
      for (let at = from; at <= index; at++) among.add(this.#recording.hostAt(at).name);
      for (const { name } of this.#recording.hosts) {
        if (!among.has(name)) for (const at of this.#lastOf(name, index, 2)) this.#ingest(at);
      }
      for (let at = from; at < index; at++) this.#ingest(at);
    }
    this.#ingest(index);
    this.#index = index;
    this.#scene = sceneOf(
      this.#recording.hosts.map((host) => this.#viewOf(host)),
      this.#recording.atMs(index),
    );
  }

  /** Indexes of the last `count` samples of a host up to this one, oldest first. */
  #lastOf(host: string, index: number, count: number): readonly number[] {
    const all = this.#recording.indexesOf(host);
    const end = all.findLastIndex((at) => at <= index) + 1;
    return all.slice(Math.max(0, end - count), end);
  }

  /** Failures are not recorded: a host that was down shows only as a gap, while other hosts have samples. */
  #viewOf(host: RecordedHost): HostView {
    const view = this.#modelOf(host).view;
    const atMs = this.#recording.atMs(this.#index);
    const newestMs = view.sample?.startedAtMs;
    if (newestMs !== undefined && atMs - newestMs <= this.#missedMs(host.name)) return view;
    return {
      ...view,
      down: {
        error: new RecordingError('no sample in the recording'),
        sinceMs: newestMs ?? this.#recording.atMs(0),
        isRecorded: true,
      },
    };
  }

  /** Time without a sample after which a host counts as down. The interval may have changed during the recording. */
  #missedMs(host: string): number {
    const [before, last] = this.#lastOf(host, this.#index, 2).map((at) => this.#recording.atMs(at));
    const stepMs = before === undefined || last === undefined ? 0 : last - before;
    return Math.max(MISSED_LEAST_MS, STEPS_MISSED * Math.max(stepMs, this.#stepMs.get(host) ?? 0));
  }

  #ingest(index: number): void {
    const { host, sample } = this.#recording.read(index);
    this.#modelOf(host).ingest(sample);
  }

  #modelOf(host: RecordedHost): HostModel {
    let model = this.#models.get(host.name);
    if (model === undefined) {
      model = modelOf(host);
      this.#models.set(host.name, model);
    }
    return model;
  }
}

/** The upper median, since the second sample comes soon after the first. */
function usualStepMs(recording: Recording, host: string): number {
  const times = recording.indexesOf(host).map((index) => recording.atMs(index));
  const steps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? atMs));
  return steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
}

/** The model that renders a recorded host's samples. */
export function modelOf(host: RecordedHost): HostModel {
  return new HostModel({ ...host, groups: groupsOf(host) });
}

function groupsOf(host: RecordedHost): ReadonlySet<GroupName> {
  const known = groups.map(({ name }) => name).filter((name) => host.groups.includes(name));
  return known.length === 0 ? DEFAULT_GROUPS : new Set(known);
}
