import { createRequire } from 'node:module';
import type blessed from 'blessed';
import type { LineChart } from 'blessed-contrib/lib/widget/charts/line.js';

interface Widgets {
  loadScreen(): typeof blessed.screen;
  loadTput(): typeof blessed.Tput;
  loadLineChart(): new (options: object) => LineChart;
}

let loaded: Widgets | undefined;

/** blessed and blessed-contrib, loaded lazily: only the console draws with them. */
export function widgets(): Widgets {
  loaded ??= createRequire(import.meta.url)('./widgets.cjs') as Widgets;
  return loaded;
}
