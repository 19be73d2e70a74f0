import type { Scene } from '../model/host-view.ts';
import type { Session, Size, UiState } from '../state/state.ts';

/** All inputs of a frame. */
export interface Context {
  readonly scene: Scene;
  readonly state: UiState;
  readonly session: Session;
  readonly size: Size;
}
