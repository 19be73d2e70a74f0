import { COMMANDS, completions } from '../state/commands.ts';
import type { Mode } from '../state/state.ts';
import { tableOf } from '../state/views.ts';
import { shortened } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, type Span, span, spread } from '../text/line.ts';
import type { Context } from './context.ts';
import type { TableRow } from './table.ts';

/** Inputs of the lines at the bottom. */
export interface FooterFacts {
  /** The row under the cursor, if the view is a table. */
  readonly row: TableRow | undefined;
  readonly columns: readonly { readonly id: string; readonly title: string }[];
  readonly position: string;
  readonly filterError: string | undefined;
}

/** The last lines: a prompt or a message, and the available keys. */
export function footer(context: Context, facts: FooterFacts, height: number): Line[] {
  const { state, size } = context;
  if (state.mode.kind === 'prompt') return promptLines(context, state.mode, facts);
  const said = spread(saidLine(context, facts), [span(`${facts.position} `, 'dim')], size.width);
  const lines = [said, fitLine(keyLine(context), size.width)];
  if (height > 1) return lines;
  return [state.message === undefined ? (lines[1] as Line) : said];
}

/** A message, else an error in the filter, else why the selected row lacks figures. */
function saidLine({ state, session }: Context, { row, columns, filterError }: FooterFacts): Line {
  if (state.message !== undefined) return [span(` ${displayable(state.message.text)}`, state.message.role)];
  if (filterError !== undefined) return [span(` ${filterError}`, 'bad')];
  const missing = new Map<string, string[]>();
  for (const { id, title } of columns) {
    const why = row?.why(id);
    if (why === undefined) continue;
    const titles = missing.get(why);
    if (titles === undefined) missing.set(why, [title]);
    else titles.push(title);
  }
  const [first] = missing;
  if (first !== undefined && state.detail === undefined) {
    return [span(` ${first[1].join(', ')}: `, 'dim'), span(first[0], 'missing')];
  }
  return session.recording === undefined
    ? []
    : [span(` recording to ${displayable(session.recording)}`, 'dim')];
}

function promptLines(
  { state, size }: Context,
  mode: Extract<Mode, { kind: 'prompt' }>,
  facts: FooterFacts,
): Line[] {
  const shownText = displayable(mode.text, state.ascii);
  switch (mode.purpose) {
    case 'filter':
      return [
        fitLine(
          [
            span(
              facts.filterError === undefined
                ? ' web|db   !idle   steal>5   state=paused   Enter to keep, Esc to cancel'
                : ` ${facts.filterError}`,
              facts.filterError === undefined ? 'dim' : 'bad',
            ),
          ],
          size.width,
        ),
        fitLine([span(' filter: ', 'key'), span(shownText, 'prompt'), span('_', 'key')], size.width),
      ];
    case 'delay':
      return [
        fitLine([span(' interval in seconds, 0.1 to 3600', 'dim')], size.width),
        fitLine(
          [
            span(` interval (${state.delayMs / 1_000}): `, 'key'),
            span(shownText, 'prompt'),
            span('_', 'key'),
          ],
          size.width,
        ),
      ];
    case 'command': {
      const found = completions(mode.text, state);
      const only = COMMANDS.find((command) => mode.text.trimStart().split(/\s/)[0] === command.name);
      const hint = only === undefined ? found.join('  ') : `${only.usage}: ${only.help}`;
      const more = only === undefined ? '' : found.map((each) => each.slice(only.name.length + 1)).join('  ');
      return [
        fitLine([span(` ${hint}  `, 'dim'), span(shortened(more, size.width), 'dim')], size.width),
        fitLine([span(' :', 'key'), span(shownText, 'prompt'), span('_', 'key')], size.width),
      ];
    }
  }
}

function keyLine({ state, session, size }: Context): Line {
  const keys: (readonly [string, string])[] =
    state.mode.kind === 'help'
      ? [
          ['/', 'search'],
          ['j k', 'scroll'],
          ['Esc', 'back'],
        ]
      : state.mode.kind === 'menu'
        ? [
            ['j k', 'move'],
            ['Enter', 'choose'],
            ['Esc', 'close'],
          ]
        : state.detail !== undefined
          ? [
              ['Esc', 'back'],
              ['j k', 'scroll'],
              ['z', 'one chart'],
              ['n', 'neighbours'],
              ['Space', 'tag'],
              ['q', 'quit'],
            ]
          : [
              ['?', 'help'],
              ['Enter', 'details'],
              ...(tableOf(state.view) === undefined
                ? []
                : ([
                    ['/', 'filter'],
                    ['F6', 'sort'],
                  ] as const)),
              ['n', 'neighbours'],
              ['Space', 'tag'],
              ['F', 'follow'],
              ['q', 'quit'],
              ['Z', 'freeze'],
              ['B', state.units === 'bytes' ? 'requests' : 'bytes'],
              [':', 'commands'],
            ];
  if (session.replay !== undefined)
    keys.unshift([', .', 'scrub'], ['p', session.replay.playing ? 'pause' : 'play']);
  const spans: Span[] = [span(' ')];
  let used = 1;
  for (const [key, what] of keys) {
    // Hints are shown whole or not at all.
    used += key.length + what.length + 3;
    if (used > size.width + 2) break;
    spans.push(span(key, 'key'), span(` ${what}  `, 'dim'));
  }
  return spans;
}
