import { expect, test } from 'vitest';
import type { Scene } from '../../tui/model/host-view.ts';
import { render } from '../../tui/render/frame.ts';
import { INITIAL_STATE, type Session, type UiState } from '../../tui/state/state.ts';
import { VIEW_NAMES } from '../../tui/state/views.ts';
import { sceneAt, textOf, vmKey } from './scenes.ts';

const live = sceneAt('noisy-neighbour', 30);
const key = vmKey(live, 'pg-orders');
const outage: Scene = {
  ...live,
  hosts: live.hosts.map((host) => ({
    ...host,
    down: { sinceMs: live.atMs - 90_000, error: new Error('the socket is closed') },
  })),
};
const detail = { key, part: 'all', top: 0, chart: undefined } as const;

const VIEWS: readonly (readonly [name: string, change: Partial<UiState>])[] = [
  ...VIEW_NAMES.map((view) => [view, { view }] as const),
  ['details', { detail }],
  ['one chart', { detail: { ...detail, chart: 1 } }],
  ['neighbours', { detail: { ...detail, part: 'neighbours' } }],
  ['help', { mode: { kind: 'help', query: '', typing: false, top: 0 } }],
  ['zoomed', { zoomed: true }],
];

const NO_SESSION: Session = { replay: undefined, recording: undefined };
const shown = (scene: Scene, change: Partial<UiState>, session: Session = NO_SESSION): string =>
  textOf(
    render({ scene, state: { ...INITIAL_STATE, ...change }, session, size: { width: 120, height: 40 } }),
  );

test.each(VIEWS)('%s shows that libvirt is not reachable, and since when', (_, change) => {
  expect(shown(outage, change)).toContain('libvirt not reachable for 1:30');
  expect(shown(live, change)).not.toContain('not reachable');
});

test.each(VIEWS)('%s says that it is frozen, a replay, or recorded', (_, change) => {
  expect(shown(live, { ...change, frozen: true })).toContain(' FROZEN ');
  expect(shown(live, change, { replay: undefined, recording: 'a.rec' })).toContain(' REC ');
  const replay = { index: 2, count: 9, playing: false, file: 'a.rec' };
  expect(shown(live, change, { replay, recording: undefined })).toContain(' REPLAY 3/9 ');
  expect(shown(live, change)).not.toMatch(/ (FROZEN|REC|REPLAY) /);
});

test('a replay shows no interval, since it has those of its recording', () => {
  const replay = { index: 2, count: 9, playing: false, file: 'a.rec' };
  const time = new Date(live.atMs).toISOString().slice(11, 19);
  expect(shown(live, { delayMs: 5_000 })).toContain(` ${time}Z 5 s`);
  expect(shown(live, { delayMs: 5_000 }, { replay, recording: undefined })).toMatch(
    new RegExp(` ${time}Z ?\n`),
  );
});
