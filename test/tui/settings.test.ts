import { afterEach, expect, test, vi } from 'vitest';
import type { TopFlags } from '../../cli/top/flags.ts';
import { firstState } from '../../cli/top/run-top.ts';
import { settingsOf, withSettings } from '../../tui/state/settings.ts';
import { INITIAL_STATE, type UiState } from '../../tui/state/state.ts';

test('saved settings are restored', () => {
  const state: UiState = {
    ...INITIAL_STATE,
    view: 'disks',
    theme: 'colour-blind',
    delayMs: 5_000,
    units: 'requests',
    hidden: { vms: ['wait_percent'] },
    sorts: { ...INITIAL_STATE.sorts, vms: { column: 'steal_percent', descending: true } },
    // Temporary state is not saved.
    filter: 'web',
    frozen: true,
  };
  const { state: back, ignored } = withSettings(INITIAL_STATE, settingsOf(state));
  expect(ignored).toEqual([]);
  expect(back).toEqual({ ...state, filter: '', frozen: false });
});

test.each([
  ['not json', ['all of it']],
  ['[]', ['all of it']],
  [
    '{"view":"nowhere","theme":7,"delayMs":1,"units":"both","ascii":"yes"}',
    ['view', 'units', 'delayMs', 'theme', 'ascii'],
  ],
  ['{"sorts":{"vms":{"column":"nonsense","descending":true}}}', ['sorts']],
  ['{"hidden":{"vms":"all"}}', ['hidden']],
])('%s is named and left out', (text, named) => {
  const { state, ignored } = withSettings(INITIAL_STATE, text);
  expect(ignored).toEqual(named);
  expect(state).toEqual(INITIAL_STATE);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

test('what a terminal lacks is not saved as a choice', async () => {
  vi.stubEnv('LC_ALL', 'C');
  vi.stubEnv('TERM', 'vt100');
  const flags = { config: false, color: false } as TopFlags;
  expect(JSON.parse(settingsOf(await firstState(flags)))).toMatchObject({ ascii: false, theme: 'dark' });
  const chosen = { ...flags, ascii: true, theme: 'light' };
  expect(JSON.parse(settingsOf(await firstState(chosen)))).toMatchObject({ ascii: true, theme: 'light' });
});
