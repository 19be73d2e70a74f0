import { join } from 'node:path';
import { Recording } from '../../sampler/record/recording.ts';
import { ReplayFeed } from '../../tui/feed/replay.ts';
import type { Scene } from '../../tui/model/host-view.ts';
import { type Frame, render } from '../../tui/render/frame.ts';
import { INITIAL_STATE, type Session, type Size, type UiState } from '../../tui/state/state.ts';
import { plain } from '../../tui/text/line.ts';

export const RECORDINGS = join(import.meta.dirname, 'recordings');
const NO_SESSION: Session = { replay: undefined, recording: undefined };

/** The scene at one sample of a recording (see record.ts). */
export function sceneAt(name: string, index: number): Scene {
  const feed = new ReplayFeed(Recording.open(join(RECORDINGS, `${name}.rec`)), index);
  const { scene } = feed;
  void feed.close();
  return scene;
}

export function frameOf(scene: Scene, size: Size, change: Partial<UiState> = {}): Frame {
  return render({ scene, state: { ...INITIAL_STATE, ...change }, session: NO_SESSION, size });
}

export function textOf(frame: Frame): string {
  return `${frame.lines.map(plain).join('\n')}\n`;
}

export function vmKey(scene: Scene, name: string): string {
  const vm = scene.vms.find((each) => each.name === name);
  if (vm === undefined) throw new Error(`there is no ${name} in this scene`);
  return vm.key;
}
