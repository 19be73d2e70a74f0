import type { Scene } from '../model/host-view.ts';
import { header, type TitleInterval } from '../render/header.ts';
import { columnsThatFit, tableFor } from '../render/table.ts';
import { INITIAL_STATE, type UiState } from '../state/state.ts';
import { fit } from '../text/cells.ts';
import { plain } from '../text/line.ts';

/** Wide enough for every column: the output is not limited to the width of a screen. */
const WIDTH = 400;
const NAME_WIDTH = 32;

export type TextChoice = Pick<UiState, 'filter' | 'sorts' | 'units' | 'ascii'> & TitleInterval;

/** One tick as plain text: a line per host, then every VM that passes the filter, however many there are. */
export function textTick(scene: Scene, { delayMs, ...choice }: TextChoice): string {
  const state: UiState = { ...INITIAL_STATE, ...choice, view: 'vms' };
  const size = { width: WIDTH, height: 50 };
  const session = { replay: undefined, recording: undefined };
  const options = { interval: { delayMs }, hostsMax: scene.hosts.length };
  // Title and hosts, without the tabs, which are for a screen.
  const above = header({ scene, state, session, size }, options).slice(0, -1).map(plain);
  const table = tableFor('vms', scene, state);
  const columns = columnsThatFit(table, WIDTH, 0).map((column) =>
    column.id === 'name' ? { ...column, width: NAME_WIDTH } : column,
  );
  const row = (cellOf: (column: (typeof columns)[number]) => string): string =>
    columns
      .map((column) => fit(cellOf(column), column.width, column.numeric ? 'right' : 'left'))
      .join(' ')
      .trimEnd();
  return [
    ...above.map((line) => line.replaceAll(/ {3,}/g, '   ').trim()),
    '',
    row((column) => column.title),
    ...table.rows.map((each) => row((column) => each.cell(column.id).text)),
    '',
  ].join('\n');
}
