import { DEFAULT_GROUPS, type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { RecordingError } from '../../sampler/record/recorder.ts';
import type { RecordedHost, Recording } from '../../sampler/record/recording.ts';
import { HostModel } from '../model/host-model.ts';
import { type Scene, sceneOf } from '../model/host-view.ts';
import type { Session } from '../state/state.ts';
import type { Feed } from './feed.ts';

/** Samples before an instant that are read for its charts and for who was seen where. */
const BEFORE = 120;
/** A night without samples is not waited through. */
const GAP_MAX_MS = 5_000;

/** A recording, as it was seen; any instant of it can be gone to. */
export class ReplayFeed implements Feed {
  readonly #recording: Recording;
  #models = new Map<string, HostModel>();
  #index = -1;
  #playing = false;
  #timer: NodeJS.Timeout | undefined;
  #onScene: () => void = () => undefined;
  #onTrouble: (text: string) => void = () => undefined;
  #scene: Scene;

  /** @throws RecordingError */
  constructor(recording: Recording, index = 0) {
    this.#recording = recording;
    this.#scene = sceneOf([], recording.atMs(0));
    // The second sample is the first with rates.
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
    this.#onTrouble('a recording keeps its interval');
  }

  seek(by: number): void {
    this.seekTo(Math.max(0, Math.min(this.#recording.length - 1, this.#index + by)));
  }

  seekTo(index: number): void {
    this.#stop();
    if (index < 0 || index >= this.#recording.length) {
      this.#onTrouble(`there are samples 1 to ${this.#recording.length}`);
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
    return Promise.reject(new RecordingError('this already is a recording'));
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

  /** One step on is one sample; for any other step the samples before it are replayed from the start. */
  #show(index: number): void {
    if (index !== this.#index + 1) {
      this.#models = new Map();
      for (let at = Math.max(0, index - BEFORE); at < index; at++) this.#ingest(at);
    }
    this.#ingest(index);
    this.#index = index;
    this.#scene = sceneOf(
      this.#recording.hosts.map((host) => this.#modelOf(host).view),
      this.#recording.atMs(index),
    );
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

/** What samples of a recorded host are shown by. */
export function modelOf(host: RecordedHost): HostModel {
  return new HostModel({ ...host, groups: groupsOf(host) });
}

function groupsOf(host: RecordedHost): ReadonlySet<GroupName> {
  const known = groups.map(({ name }) => name).filter((name) => host.groups.includes(name));
  return known.length === 0 ? DEFAULT_GROUPS : new Set(known);
}
