import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Scene, sceneOf } from '../../tui/model/host-view.ts';
import type { Size, UiState } from '../../tui/state/state.ts';
import { VIEW_NAMES } from '../../tui/state/views.ts';
import { widthOfLine } from '../../tui/text/line.ts';
import { frameOf, sceneAt, textOf, vmKey } from './scenes.ts';

/**
 * Frames drawn from recorded samples, as text: `npx vitest run test/tui/golden.test.ts -u` updates them, and git shows
 * the changes.
 */
const SIZES: readonly Size[] = [
  { width: 80, height: 24 },
  { width: 120, height: 40 },
  { width: 230, height: 70 },
];

const busy = sceneAt('noisy-neighbour', 30);
const troubled = sceneAt('noisy-neighbour', 56);
const squeezed = sceneAt('memory-pressure', 21);
const hostile = sceneAt('hostile-names', 2);

const several = sceneOf(
  [busy, squeezed].flatMap((scene) => scene.hosts),
  busy.atMs,
);

const detail = (scene: Scene, name: string, more: object = {}): Partial<UiState> => ({
  detail: { key: vmKey(scene, name), part: 'all', top: 0, chart: undefined, ...more },
});

const FRAMES: readonly (readonly [name: string, scene: Scene, change: Partial<UiState>])[] = [
  ...VIEW_NAMES.filter((view) => view !== 'diff').map((view) => [view, busy, { view }] as const),
  ['troubles', troubled, {}],
  ['diff', troubled, { view: 'diff', mark: { atMs: busy.atMs, scene: busy } }],
  [
    'squeezed',
    squeezed,
    { sorts: { ...frameDefaults(), vms: { column: 'memory_used_percent', descending: true } } },
  ],
  ['hostile', hostile, {}],
  ['hostile-ascii', hostile, { ascii: true }],
  ['hosts', several, {}],
  ['hosts-host', several, { view: 'host' }],
  ['requests', busy, { units: 'requests' }],
  ['filtered', busy, { filter: 'pg|web', tagged: new Set([vmKey(busy, 'pg-orders')]) }],
  ['zoomed', busy, { zoomed: true }],
  ['details', busy, detail(busy, 'pg-orders')],
  ['details-ascii', busy, { ...detail(busy, 'pg-orders'), ascii: true }],
  ['details-stuck', troubled, detail(troubled, 'web-02')],
  ['details-silent', busy, detail(busy, 'win-app01')],
  ['chart', busy, detail(busy, 'pg-orders', { chart: 1 })],
  ['neighbours', busy, detail(busy, 'pg-orders', { part: 'neighbours' })],
  ['menu', busy, { mode: { kind: 'menu', menu: 'sort', index: 7 } }],
  ['columns', busy, { mode: { kind: 'menu', menu: 'columns', index: 3 }, hidden: { vms: ['wait_percent'] } }],
  ['palette', busy, { mode: { kind: 'prompt', purpose: 'command', text: 'so', before: '' } }],
  [
    'filter-error',
    busy,
    { filter: 'steal>much', mode: { kind: 'prompt', purpose: 'filter', text: 'steal>much', before: '' } },
  ],
  ['help', busy, { mode: { kind: 'help', query: '', typing: false, top: 0 } }],
  ['help-search', busy, { mode: { kind: 'help', query: 'steal', typing: false, top: 0 } }],
];

function frameDefaults(): UiState['sorts'] {
  return {
    vms: { column: 'cpu_percent', descending: true },
    disks: { column: 'write_bytes_per_second', descending: true },
    nics: { column: 'transmit_bytes_per_second', descending: true },
    diff: { column: 'cpu_percent_change', descending: true },
  };
}

const cases = FRAMES.flatMap(([name, scene, change]) => SIZES.map((size) => ({ name, scene, change, size })));

test.each(cases)(
  '$name at $size.width x $size.height is as it was',
  async ({ name, scene, change, size }) => {
    const frame = frameOf(scene, size, change);
    const file = join(import.meta.dirname, 'golden', `${name}-${size.width}x${size.height}.txt`);
    await expect(textOf(frame)).toMatchFileSnapshot(file);
  },
);

test.each(cases)(
  '$name at $size.width x $size.height fills the screen and nothing beyond it',
  ({ scene, change, size }) => {
    const frame = frameOf(scene, size, change);
    expect(frame.lines).toHaveLength(size.height);
    expect(frame.lines.map(widthOfLine)).toEqual(frame.lines.map(() => size.width));
  },
);

test('in ASCII nothing else reaches the screen, whatever the names are', () => {
  for (const view of VIEW_NAMES) {
    for (const change of [{ view }, { view, ...detail(hostile, 'שרת בסיס נתונים 12') }]) {
      const text = textOf(frameOf(hostile, { width: 200, height: 60 }, { ...change, ascii: true }));
      expect(text).toMatch(/^[\n -~]*$/);
    }
  }
});
