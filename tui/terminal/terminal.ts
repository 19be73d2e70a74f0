import type { ReadStream, WriteStream } from 'node:tty';
import type { Key, MouseEvent, Screen, ScreenLine } from 'blessed';
import { cellsOf } from '../text/cells.ts';
import type { Line, Role } from '../text/line.ts';
import { reduced, type Style, styleOf, type Theme } from '../text/theme.ts';
import { widgets } from '../widgets.ts';

export interface TerminalOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly term: string;
  readonly unicode: boolean;
  /** Colours that the terminal has; 0 for none. */
  readonly colours: number;
  readonly mouse: boolean;
  readonly onKey: (key: string, char: string | undefined) => void;
  readonly onMouse: (event: MouseEvent) => void;
  readonly onResize: () => void;
}

/** Buttons and the wheel, with coordinates beyond column 223 (xterm, ctlseqs: 1000, 1006). */
const MOUSE_ON = '\u001b[?1000h\u001b[?1006h';
const MOUSE_OFF = '\u001b[?1006l\u001b[?1000l';

const DEFAULT_COLOUR = 0x1ff;

/** Written into blessed's idea of what is on the screen: unlike anything, so that the place is drawn again. */
const STALE = '\0';

/**
 * The terminal as blessed drives it: raw input, keys, mouse, the alternate screen, and of a frame only what
 * changed. Lines go straight into the places of blessed's screen. No content of blessed's passes its tags and
 * its tables of character widths (of 2015), so nothing in a VM's name can be a tag or shift a line.
 */
export class Terminal {
  readonly #options: TerminalOptions;
  readonly #screen: Screen;
  #theme: Theme | undefined;
  /** By role, then by the role that lies over it. */
  #attributes = new Map<Role, Map<Role | undefined, number>>();
  #closed = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#screen = openScreen(options);
    const { program } = this.#screen;
    program.tput.brokenACS = true;
    // It would draw its own empty tree over our lines.
    this.#screen.render = () => undefined;
    program.on('keypress', (char, key) => this.#key(char, key));
    if (options.mouse) {
      program.bindMouse();
      program.on('mouse', (event) => options.onMouse(event));
      options.output.write(MOUSE_ON);
    }
    program.on('resize', () => options.onResize());
  }

  get width(): number {
    return this.#screen.width;
  }

  get height(): number {
    return this.#screen.height;
  }

  paint(lines: readonly Line[], theme: Theme): void {
    if (this.#closed) return;
    if (theme !== this.#theme) this.#attributes = new Map();
    this.#theme = theme;
    const { lines: rows, olines } = this.#screen;
    rows.forEach((row, y) => {
      this.#put(lines[y] ?? [], row, olines[y] as ScreenLine, theme);
    });
    this.#screen.draw(0, rows.length - 1);
  }

  /** Forgets what was drawn, so that the next frame draws all of it. */
  forget(): void {
    if (!this.#closed) this.#screen.alloc();
  }

  /** Gives the terminal back as it was found; resume() takes it again. */
  suspend(): void {
    if (this.#options.mouse) this.#options.output.write(MOUSE_OFF);
    this.#screen.leave();
    this.#screen.program.flush();
    this.#options.input.setRawMode(false);
    this.#options.input.pause();
  }

  resume(): void {
    if (this.#closed) return;
    this.#options.input.setRawMode(true);
    this.#options.input.resume();
    this.#screen.enter();
    if (this.#options.mouse) this.#options.output.write(MOUSE_ON);
    this.forget();
  }

  /**
   * After a stop that could not be seen coming (SIGSTOP), when the shell has set the modes of the terminal for itself.
   * libuv does nothing about a mode that it has set last (src/unix/tty.c, uv_tty_set_mode), so the mode changes twice.
   */
  retake(): void {
    if (this.#closed) return;
    this.#options.input.setRawMode(false);
    this.#options.input.setRawMode(true);
    if (this.#options.mouse) this.#options.output.write(MOUSE_ON);
    this.forget();
  }

  /** For good; harmless when done twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Also for a console before this one that was killed.
    this.#options.output.write(MOUSE_OFF);
    this.#screen.destroy();
  }

  /** Into the clipboard of the user's terminal, also over SSH (xterm, OSC 52). A terminal may ignore it. */
  copy(text: string): void {
    if (this.#closed) return;
    this.#options.output.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`);
  }

  #key(char: string | undefined, key: Key): void {
    // A carriage return comes twice: as this, and as `enter`.
    if (key.full === 'return') return;
    this.#options.onKey(key.full, char);
  }

  #put(line: Line, row: ScreenLine, drawn: ScreenLine, theme: Theme): void {
    let x = 0;
    let changed = false;
    const set = (attributes: number, text: string): void => {
      const cell = row[x];
      const known = drawn[x];
      if (cell === undefined || known === undefined) return;
      cell[0] = attributes;
      cell[1] = text;
      if (known[0] !== attributes || known[1] !== text) changed = true;
    };
    for (const { text, role, over } of line) {
      const attributes = this.#attributesOf(theme, role, over);
      for (const cell of cellsOf(text)) {
        if (x + cell.width > row.length) break;
        const before = drawn[x];
        const isNew = before === undefined || before[0] !== attributes || before[1] !== cell.text;
        set(attributes, cell.text);
        x++;
        if (cell.width < 2) continue;
        // The second place of a wide character: nothing is written there. It goes with the first, or blessed
        // would move the cursor over it once more.
        const after = drawn[x];
        if (isNew && after !== undefined) after[1] = STALE;
        set(attributes, '');
        x++;
      }
    }
    while (x < row.length) {
      set(DEFAULT_ATTRIBUTES, ' ');
      x++;
    }
    if (changed) row.dirty = true;
  }

  #attributesOf(theme: Theme, role: Role, over: Role | undefined): number {
    let byOver = this.#attributes.get(role);
    if (byOver === undefined) {
      byOver = new Map();
      this.#attributes.set(role, byOver);
    }
    let attributes = byOver.get(over);
    if (attributes === undefined) {
      attributes = attributesOf(styleOf(theme, role, over), this.#options.colours);
      byOver.set(over, attributes);
    }
    return attributes;
  }
}

const DEFAULT_ATTRIBUTES = (DEFAULT_COLOUR << 9) | DEFAULT_COLOUR;

/** As blessed packs them (screen.js, draw): flags, foreground, background. */
function attributesOf({ fg, bg, bold, underline, inverse }: Style, colours: number): number {
  const flags = (bold === true ? 1 : 0) | (underline === true ? 2 : 0) | (inverse === true ? 8 : 0);
  const foreground = reduced(fg, colours) ?? DEFAULT_COLOUR;
  const background = reduced(bg, colours) ?? DEFAULT_COLOUR;
  return (flags << 18) | (foreground << 9) | background;
}

/**
 * blessed compiles the terminal's own terminfo, and with screen-256color and newer xterm-256color prints its
 * compiler's error (plab_norm, Setulc) onto the screen. The descriptions that it brings are clean, and what
 * virtune writes is the same on all of these terminals.
 */
function openScreen({ input, output, term, unicode }: TerminalOptions): Screen {
  const screen = widgets().loadScreen();
  const { prototype } = widgets().loadTput();
  const { setup } = prototype;
  prototype.setup = function () {
    this._useInternalInfo(term.startsWith('linux') ? 'linux' : 'xterm-256color');
  };
  try {
    return screen({
      input,
      output,
      terminal: term,
      forceUnicode: unicode,
      useBCE: false,
      resizeTimeout: 50,
    });
  } finally {
    prototype.setup = setup;
  }
}
