import type { LineChart } from 'blessed-contrib/lib/widget/charts/line.js';
import { firstPlaces, fitLine, type Line, type Role, span } from '../text/line.ts';
import { widgets } from '../widgets.ts';
import { timeLabels, withOutages } from './time-axis.ts';

export interface Series {
  readonly title: string;
  /** Oldest first; NaN is a gap. */
  readonly values: readonly number[];
  readonly role: 'line1' | 'line2';
}

export interface ChartOptions {
  readonly title: Line;
  readonly series: readonly Series[];
  /** Minimum of the y axis' maximum: charts whose scales keep changing cannot be compared. */
  readonly minimumMax: number;
  /** 1,024 for bytes. */
  readonly base: 1_000 | 1_024;
  /** Formats labels of the y axis. */
  readonly format: (value: number) => string;
  /** Times of the values of each series, by the monotonic clock, ms. */
  readonly times: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly ascii: boolean;
}

/** Palette numbers that encode roles in the output of contrib's canvas. */
const COLOURS = { line1: 1, line2: 2, axis: 3, text: 4 } as const;
const ROLES: Readonly<Record<number, Role>> = { 1: 'line1', 2: 'line2', 3: 'axis', 4: 'dim' };
/** contrib's line chart reserves this many columns beside and rows below its canvas for borders (line.js, calcSize). */
const BESIDE = 6;
const BELOW = 2;
/** Its last row stays empty: one extra row is requested, and then dropped. */
const SPARE = 1;
/** Dot rows of a braille cell. */
const DOTS_A_ROW = 4;
/**
 * Dots that it reserves for the x axis (yPadding), and by which it raises the line above the axis: off the canvas at
 * the maximum.
 */
const BELOW_AXIS = 11;
const ABOVE_MAXIMUM = 3;
/** Columns for labels of the y axis. */
const AXIS_WIDTH = 7;

/** A title and blessed-contrib's line chart below it, `height` lines in all. */
export function chart(options: ChartOptions): Line[] {
  const { title, series, width, height, ascii } = options;
  const lines = [fitLine(title, width)];
  const known = series.some(({ values }) => values.some((value) => !Number.isNaN(value)));
  const drawn = known ? canvas(options, height - 1) : noFigures(options, height - 1);
  for (const line of drawn)
    lines.push(
      firstPlaces(ascii ? line.map((each) => ({ ...each, text: inAscii(each.text) })) : line, width),
    );
  return lines.slice(0, height);
}

function noFigures({ width }: ChartOptions, height: number): Line[] {
  return Array.from({ length: height }, (_, y) =>
    fitLine(y === height >> 1 ? [span('  no data yet', 'missing')] : [], width),
  );
}

/**
 * Draws with contrib's Line on a separate off-screen canvas. Works around its bugs that matter here: the maximum is
 * always given (with all-zero data it drops the labels), the canvas is created for this size (it is never resized), and
 * the context below lifts the pen over gaps.
 */
function canvas(options: ChartOptions, height: number): Line[] {
  const Line = widgets().loadLineChart();
  const { width, format } = options;
  const { times, rows: series } = withOutages({ times: options.times, rows: options.series });
  const maximum = niceMaximum(series, options.minimumMax, options.base);
  const usable = (height + SPARE) * DOTS_A_ROW - BELOW_AXIS;
  const headroom = usable / (usable - ABOVE_MAXIMUM);
  const line = new Line({
    screen: OFF_SCREEN,
    width: width + BESIDE,
    height: height + SPARE + BELOW,
    // Makes the label steps a quarter or a half of the maximum, with a label at the maximum itself.
    numYLabels: headroom * (height >= 8 ? 4 : 2),
    // Values are fractions of the maximum: contrib rounds labels of other values to whole numbers.
    maxY: headroom,
    minY: 0,
    showLegend: false,
    wholeNumbersOnly: false,
    xPadding: 2 * AXIS_WIDTH,
    xLabelPadding: 2 * AXIS_WIDTH,
    style: { text: COLOURS.text, baseline: COLOURS.axis },
  });
  line.emit('attach');
  const { ctx } = line;
  liftOverGaps(ctx);
  writeAxisWith(ctx, (share) => format(share * maximum));
  const points = times.length;
  line.setData(
    series.map(({ title, values, role }) => ({
      title,
      x: timeLabels(times),
      y: [
        ...new Array<number>(points - values.length).fill(Number.NaN),
        ...values.map((value) => value / maximum),
      ],
      style: { line: COLOURS[role] },
    })),
  );
  return parseFrame(ctx._canvas.frame()).slice(0, height);
}

/** A blessed element needs a screen as parent, but does not use it until it is rendered. */
const nothing = (): void => undefined;
const OFF_SCREEN = { on: nothing, setEffects: nothing, clickable: [], keyable: [], tput: {} };

/** A round number: 1, 2, 4, 5 or 8 times a power of ten, in the unit it will be displayed in. */
function niceMaximum(series: readonly Series[], min: number, base: number): number {
  let highest = min;
  for (const { values } of series) for (const value of values) if (value > highest) highest = value;
  const unit = base ** Math.max(0, Math.floor(Math.log(highest) / Math.log(base)));
  const power = unit * 10 ** Math.floor(Math.log10(highest / unit));
  const steps = [1, 2, 4, 5, 8, 10].map((step) => step * power);
  return steps.find((step) => step >= highest * 0.999) ?? highest;
}

/** Lifts the pen over unknown values, instead of drawing a line through them. */
function liftOverGaps(ctx: LineChart['ctx']): void {
  const draw = ctx.lineTo.bind(ctx);
  let lifted = false;
  ctx.lineTo = (x, y) => {
    if (Number.isNaN(y)) {
      lifted = true;
      return;
    }
    // A single value between two gaps becomes a dot.
    if (lifted) ctx.moveTo(x, y);
    lifted = false;
    draw(x, y);
  };
  const begin = ctx.beginPath.bind(ctx);
  ctx.beginPath = () => {
    lifted = false;
    begin();
  };
}

/** contrib labels the axis with plain numbers of two digits; this formats them as `1.5G`. */
function writeAxisWith(ctx: LineChart['ctx'], format: (value: number) => string): void {
  const write = ctx.fillText.bind(ctx);
  ctx.fillText = (text, x, y) => {
    if (x > 2) write(text, x, y);
    else
      write(
        /^[\d.]+$/.test(text)
          ? format(Number(text))
              .padStart(AXIS_WIDTH - 1)
              .slice(0, AXIS_WIDTH - 1)
          : text,
        0,
        y,
      );
  };
}

/** Parses the output of contrib's canvas: its colour codes and text, nothing untrusted. */
function parseFrame(frame: string): Line[] {
  return frame.split('\n').map((row) => {
    const spans = [];
    let role: Role = 'dim';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the canvas writes escape codes
    for (const match of row.matchAll(/\u001b\[([\d;]*)m|([^\u001b]+)/g)) {
      const [, code, text] = match;
      if (text !== undefined) spans.push(span(text, role));
      else if (code?.startsWith('38;5;')) role = ROLES[Number(code.slice(5))] ?? 'dim';
    }
    return spans;
  });
}

/** Replaces a braille cell by an ASCII character for the half that holds dots. */
function inAscii(text: string): string {
  return text.replaceAll(/[\u2800-\u28ff]/g, (cell) => {
    const dots = (cell.codePointAt(0) ?? 0) - 0x2800;
    const [upper, lower] = [dots & 0b0001_1011, dots & 0b1110_0100];
    if (upper === 0) return lower === 0 ? ' ' : '.';
    return lower === 0 ? "'" : ':';
  });
}
