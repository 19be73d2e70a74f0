import type { Scene } from '../model/host-view.ts';
import type { Session } from '../state/state.ts';

/** The source of scenes: live hosts or a recording. */
export interface Feed {
  readonly scene: Scene;
  readonly session: Session;
  /** Calls `onScene` after each new scene, and `onTrouble` with what the user should know. */
  start(onScene: () => void, onTrouble: (text: string) => void): void;
  /** Samples now, without waiting for the next interval. */
  refresh(): void;
  setDelay(delayMs: number): void;
  seek(by: number): void;
  seekTo(index: number): void;
  togglePlay(): void;
  record(file: string): Promise<void>;
  stopRecording(): Promise<void>;
  close(): Promise<void>;
}
