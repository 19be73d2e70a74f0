import { expect, test } from 'vitest';
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
    // What is of the moment is not kept.
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
