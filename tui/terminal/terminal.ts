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
  /** Number of colours the terminal supports; 0 for none. */
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

/** Marks a cell in blessed's copy of the screen as changed: it equals no content, so that the cell is redrawn. */
const STALE = '\0';

/**
 * The terminal, driven by blessed: raw input, keys, mouse, the alternate screen, and incremental redraws. Lines are
 * written directly to blessed's screen cells, bypassing its tags and its character width tables (of 2015), so that a
 * VM's name cannot inject a tag or shift a line.
 */
export class Terminal {
  readonly #options: TerminalOptions;
  readonly #screen: Screen;
  #theme: Theme | undefined;
  /** By role, then by the overlaid role. */
  #attributes = new Map<Role, Map<Role | undefined, number>>();
  #closed = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#screen = openScreen(options);
    const { program } = this.#screen;
    program.tput.brokenACS = true;
    // Disabled, since it would draw its empty widget tree over our lines.
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

  /** Invalidates the screen, so that the next frame is drawn in full. */
  forget(): void {
    if (!this.#closed) this.#screen.alloc();
  }

  /** Restores the terminal's original modes; resume() takes it again. */
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
   * After SIGSTOP, which cannot be caught, and a shell that has changed the terminal's modes. libuv ignores a mode
   * equal to the last one it set (src/unix/tty.c, uv_tty_set_mode), so the mode is switched off and on.
   */
  retake(): void {
    if (this.#closed) return;
    this.#options.input.setRawMode(false);
    this.#options.input.setRawMode(true);
    if (this.#options.mouse) this.#options.output.write(MOUSE_ON);
    this.forget();
  }

  /** Permanent; idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Mouse reporting may be left over from a killed console, so it is always turned off.
    this.#options.output.write(MOUSE_OFF);
    this.#screen.destroy();
  }

  /** Copies to the clipboard of the user's terminal, also over SSH (xterm, OSC 52). A terminal may ignore it. */
  copy(text: string): void {
    if (this.#closed) return;
    this.#options.output.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`);
  }

  #key(char: string | undefined, key: Key): void {
    // blessed reports a carriage return twice, also as `enter`.
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
        // The second cell of a wide character stays empty. It is redrawn together with the first, or blessed would move
        // the cursor over it once more.
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
 * blessed compiles the terminal's terminfo, and for screen-256color and newer xterm-256color prints compiler errors
 * (plab_norm, Setulc) onto the screen. Its bundled descriptions compile cleanly, and virtune's output is the same on
 * all of these terminals.
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
