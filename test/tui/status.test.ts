import { expect, test } from 'vitest';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { knownNow } from '../../tui/batch/batch.ts';
import { textTick } from '../../tui/batch/text.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { type HostView, type Scene, sceneOf } from '../../tui/model/host-view.ts';
import { render } from '../../tui/render/frame.ts';
import { INITIAL_STATE, type Session, type UiState } from '../../tui/state/state.ts';
import { VIEW_NAMES } from '../../tui/state/views.ts';
import { hostSample } from './scene-of.ts';
import { frameOf, sceneAt, textOf, vmKey } from './scenes.ts';

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

/** `kvm1` and more, each with a VM `db`; those in `down` have been unreachable for five seconds. */
function hostsOf(count: number, down: readonly number[]): Scene {
  const hosts = Array.from({ length: count }, (_, index): HostView => {
    const name = `kvm${index + 1}`;
    const model = new HostModel({ name, uri: `qemu+ssh://${name}/system`, groups: DEFAULT_GROUPS });
    for (let second = 0; second < 3; second++) model.ingest(hostSample(second * 1_000, [{ name: 'db' }]));
    return down.includes(index + 1) ? model.fail(new Error('connection refused'), 5_000) : model.view;
  });
  return sceneOf(hosts, 10_000);
}

const SIZES = [
  { width: 120, height: 40 },
  { width: 80, height: 24 },
];
const lineOf = (text: string, start: string): string | undefined =>
  text.split('\n').find((line) => line.startsWith(start));

test.each(VIEW_NAMES)('%s names a host that is down, however many others are not', (view) => {
  const scene = hostsOf(6, [5]);
  for (const size of SIZES) {
    const text = textOf(frameOf(scene, size, { view }));
    expect(lineOf(text, ' kvm5 ')).toContain('not reachable for 0:05');
    expect(text).toMatch(/^ virtune top 6 hosts, 1 down {2}6 VMs {2}5 running {2}1 stale/);
  }
});

test('a host in trouble has a line, however many others are well', () => {
  const scene = hostsOf(6, []);
  const contention = { runNs: 5e8, delayNs: 5e8, elapsedMs: 1_000 };
  const hosts = scene.hosts.map((host, index) =>
    index === 5 && host.sample !== undefined ? { ...host, sample: { ...host.sample, contention } } : host,
  );
  for (const size of SIZES) {
    expect(lineOf(textOf(frameOf({ ...scene, hosts }, size)), ' kvm6 ')).toContain('CPU CONTENTION');
  }
});

test('of more hosts that are down than there is room for, all are counted', () => {
  const text = textOf(frameOf(hostsOf(6, [1, 2, 3, 4, 5, 6]), { width: 80, height: 24 }));
  expect(text).toContain('6 hosts, 6 down  6 VMs  6 stale');
  expect(text.match(/not reachable/g)).toHaveLength(2);
});

test('details say that their host is down, also where many others are', () => {
  const scene = hostsOf(6, [1, 2, 3, 4, 5, 6]);
  const details = { detail: { ...detail, key: 'kvm5/uuid-of-db' } };
  for (const size of SIZES) {
    expect(lineOf(textOf(frameOf(scene, size, details)), ' kvm5 ')).toContain('not reachable for 0:05');
  }
});

test('rows of a host that is down are not drawn as those of others', () => {
  const { lines } = frameOf(hostsOf(3, [3]), { width: 120, height: 40 });
  const rows = lines.filter((line) => line.some(({ text }) => text.startsWith('db ')));
  expect(rows.map((line) => line.some(({ over }) => over === 'dim'))).toEqual([false, false, true]);
});

test('printed text has a line about each host', () => {
  const text = textTick(knownNow(hostsOf(6, [5])), {
    filter: '',
    sorts: INITIAL_STATE.sorts,
    units: 'bytes',
    ascii: true,
    delayMs: 1_000,
  });
  expect(text.split('\n').filter((line) => /^kvm\d +(CPU|libvirt)/.test(line))).toHaveLength(6);
  expect(text).toMatch(/^virtune top 6 hosts, 1 down {2}5 VMs {2}5 running/);
});
