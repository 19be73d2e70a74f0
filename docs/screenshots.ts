import { Recording } from '../sampler/record/recording.ts';
import { ReplayFeed } from '../tui/feed/replay.ts';
import { render } from '../tui/render/frame.ts';
import { INITIAL_STATE, type Size, type UiState } from '../tui/state/state.ts';
import { themes } from '../tui/text/theme.ts';
import { svg } from './svg.ts';

/** The demo's noisy neighbour, as `node test/tui/record.ts` records it. */
const RECORDING = new URL('../test/tui/recordings/noisy-neighbour.rec', import.meta.url).pathname;
const SAMPLE = 58;
const SIZE: Size = { width: 128, height: 30 };

interface Shot {
  readonly title: string;
  readonly size?: Size;
  readonly change: (key: string) => Partial<UiState>;
}

const SHOTS: Readonly<Record<string, Shot>> = {
  'top-vms': {
    title: 'virtune top: VMs by CPU, one of them stuck',
    size: { width: 128, height: 24 },
    change: () => ({}),
  },
  'top-details': {
    title: 'Details of one VM: findings, charts, memory, noisy neighbours',
    size: { width: 128, height: 44 },
    change: (key) => ({ detail: { key, part: 'all', top: 0, chart: undefined } }),
  },
  'top-cpus': {
    title: 'CPUs by cell, core and thread, and who is pinned and runs there',
    change: () => ({ view: 'cpus' }),
  },
  'top-colour-blind': {
    title: 'The same in the theme for the colour-blind',
    change: () => ({ view: 'cpus', theme: 'colour-blind' }),
  },
};

/** Pictures of the console by their file names. */
export function screenshots(): ReadonlyMap<string, string> {
  const feed = new ReplayFeed(Recording.open(RECORDING), SAMPLE);
  const { scene } = feed;
  void feed.close();
  const key = scene.vms.find((vm) => vm.name === 'pg-orders')?.key ?? '';
  return new Map(
    Object.entries(SHOTS).map(([name, { title, size = SIZE, change }]) => {
      const state = { ...INITIAL_STATE, ...change(key) };
      const { lines } = render({ scene, state, session: { replay: undefined, recording: undefined }, size });
      return [`images/${name}.svg`, svg(lines, themes[state.theme], title)];
    }),
  );
}
