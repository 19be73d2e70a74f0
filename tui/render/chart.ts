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
  /** Of the y axis: charts that jump between scales cannot be compared. At least this much. */
  readonly minimumMax: number;
  /** Bytes go by 1,024. */
  readonly base: 1_000 | 1_024;
  /** How a figure of the axis is written. */
  readonly format: (value: number) => string;
  /** Of the values of each series, by a clock that is never set, ms. */
  readonly times: readonly number[];
  readonly width: number;
  readonly height: number;
  readonly ascii: boolean;
}

/** Palette numbers that stand for roles on the way through contrib's canvas. */
const COLOURS = { line1: 1, line2: 2, axis: 3, text: 4 } as const;
const ROLES: Readonly<Record<number, Role>> = { 1: 'line1', 2: 'line2', 3: 'axis', 4: 'dim' };
/** contrib's line keeps this many places beside and rows below its canvas for borders (line.js, calcSize). */
const BESIDE = 6;
const BELOW = 2;
/** Its last row stays empty; so one more is asked for, and left out. */
const SPARE = 1;
/** Of a braille cell. */
const DOTS_A_ROW = 4;
/** Dots that it keeps for the x axis (yPadding), and by which it lifts the line off it: off the canvas at the maximum. */
const BELOW_AXIS = 11;
const ABOVE_MAXIMUM = 3;
/** Places for the figures of the y axis. */
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
 * contrib's Line on a separate canvas, off any screen: only its drawing is wanted. Its faults that matter
 * here are met before it sees the data: the maximum is always given (all-zero data loses its labels), the
 * canvas is made for this size (it is never resized), and a gap is lifted over by the context below.
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
    // As many as make whole steps of a quarter or a half, the maximum among them.
    numYLabels: headroom * (height >= 8 ? 4 : 2),
    // Shares of the maximum: of anything else contrib rounds the labels to whole numbers.
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

/** A blessed element wants a screen to belong to, and asks nothing of it until it is rendered. */
const nothing = (): void => undefined;
const OFF_SCREEN = { on: nothing, setEffects: nothing, clickable: [], keyable: [], tput: {} };

/** A round number: 1, 2, 4, 5 or 8 times a power of ten, in the unit that it will be written in. */
function niceMaximum(series: readonly Series[], min: number, base: number): number {
  let highest = min;
  for (const { values } of series) for (const value of values) if (value > highest) highest = value;
  const unit = base ** Math.max(0, Math.floor(Math.log(highest) / Math.log(base)));
  const power = unit * 10 ** Math.floor(Math.log10(highest / unit));
  const steps = [1, 2, 4, 5, 8, 10].map((step) => step * power);
  return steps.find((step) => step >= highest * 0.999) ?? highest;
}

/** The pen is lifted where nothing is known, instead of drawing through nowhere. */
function liftOverGaps(ctx: LineChart['ctx']): void {
  const draw = ctx.lineTo.bind(ctx);
  let lifted = false;
  ctx.lineTo = (x, y) => {
    if (Number.isNaN(y)) {
      lifted = true;
      return;
    }
    // A point alone between two gaps is a dot.
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

/** contrib writes plain numbers with two digits; the axis is to say `1.5G`. */
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

/** What contrib's canvas gives: text with colour codes that it made, and nothing from outside. */
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

/** A braille cell by which half of it holds dots. */
function inAscii(text: string): string {
  return text.replaceAll(/[\u2800-\u28ff]/g, (cell) => {
    const dots = (cell.codePointAt(0) ?? 0) - 0x2800;
    const [upper, lower] = [dots & 0b0001_1011, dots & 0b1110_0100];
    if (upper === 0) return lower === 0 ? ' ' : '.';
    return lower === 0 ? "'" : ':';
  });
}
