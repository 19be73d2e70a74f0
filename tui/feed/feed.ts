import type { Scene } from '../model/host-view.ts';
import type { Session } from '../state/state.ts';

/** Where scenes come from: hosts that are asked, or a recording. */
export interface Feed {
  readonly scene: Scene;
  readonly session: Session;
  /** Calls `onScene` after each new scene, and `onTrouble` with what the user should know. */
  start(onScene: () => void, onTrouble: (text: string) => void): void;
  /** Now, without waiting for its turn. */
  refresh(): void;
  setDelay(delayMs: number): void;
  seek(by: number): void;
  seekTo(index: number): void;
  togglePlay(): void;
  record(file: string): Promise<void>;
  stopRecording(): Promise<void>;
  close(): Promise<void>;
}
