import type { MouseEvent } from 'blessed';
import type { Feed } from './feed/feed.ts';
import type { Scene } from './model/host-view.ts';
import { type Frame, render } from './render/frame.ts';
import type { UpdateResult } from './state/commands.ts';
import type { Effect } from './state/effects.ts';
import { afterSample } from './state/rows.ts';
import type { UiState } from './state/state.ts';
import { act, marked, update } from './state/update.ts';
import type { Terminal } from './terminal/terminal.ts';
import { themes } from './text/theme.ts';
import { widgets } from './widgets.ts';

export interface ConsoleOptions {
  readonly feed: Feed;
  readonly state: UiState;
  /** Whether the terminal or the user rules out colours, whatever the theme. */
  readonly mono: boolean;
  /** Whether the terminal can only show ASCII, whatever the settings. */
  readonly ascii: boolean;
  /** Ends after this many samples of each host, not counting the first, which has no rates. */
  readonly iterations?: number | undefined;
  /** Saves the settings; rejects with the reason when it could not. */
  readonly save: (state: UiState) => Promise<string>;
  /** Stops the process group until it is continued. */
  readonly suspend: () => void;
}

/** The part of the terminal that frames are drawn on. */
export type Canvas = Pick<Terminal, 'width' | 'height' | 'paint' | 'forget' | 'copy'>;

/** The running console: keys, mouse events and samples go in, frames go out. */
export class Console {
  readonly #options: ConsoleOptions;
  readonly #ended = Promise.withResolvers<void>();
  #terminal: Canvas | undefined;
  #state: UiState;
  /** While frozen, shown in place of newer scenes. */
  #frozen: Scene | undefined;
  #frame: Frame | undefined;
  #frames = 0;
  #scenes = 0;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  /** Resolves when the user quits. */
  run(terminal: Canvas): Promise<void> {
    this.#terminal = terminal;
    this.draw();
    this.#options.feed.start(
      () => this.#onScene(),
      (text) => this.#say(text, 'bad'),
    );
    return this.#ended.promise;
  }

  quit(): void {
    this.#ended.resolve();
  }

  key(key: string, char: string | undefined): void {
    if (this.#frame === undefined) return;
    this.#take(update(this.#state, key, char, this.#frame.seen));
  }

  mouse({ action, x, y }: MouseEvent): void {
    if (this.#frame === undefined || this.#state.mode.kind === 'prompt') return;
    const { seen, hits } = this.#frame;
    if (action === 'wheeldown' || action === 'wheelup') {
      this.#take(update(this.#state, action === 'wheeldown' ? 'down' : 'up', undefined, seen));
      return;
    }
    if (action !== 'mousedown' || this.#state.mode.kind !== 'browse') return;
    const hit = hits.find((each) => each.y === y && x >= each.from && x < each.to);
    if (hit === undefined) return;
    if (hit.action.kind !== 'select') {
      this.#take(act(this.#state, hit.action, seen));
      return;
    }
    // A second click on the same row opens it.
    const { view, selected } = this.#state;
    const chosen = { ...this.#state, selected: { ...selected, [view]: hit.action.key } };
    this.#take(
      selected[view] === hit.action.key
        ? act(chosen, { kind: 'open' }, seen)
        : { state: chosen, effects: [] },
    );
  }

  /** Draws the current view. */
  draw(): void {
    const terminal = this.#terminal;
    if (terminal === undefined) return;
    const { feed, mono, ascii } = this.#options;
    this.#frame = render({
      scene: this.#frozen ?? feed.scene,
      state: ascii && !this.#state.ascii ? { ...this.#state, ascii } : this.#state,
      session: feed.session,
      size: { width: terminal.width, height: terminal.height },
    });
    terminal.paint(this.#frame.lines, themes[mono ? 'mono' : this.#state.theme]);
    this.#frames++;
    // Loaded while idle: otherwise the first Enter would take 60 ms longer.
    if (this.#frames === 2) setImmediate(() => widgets().loadLineChart());
  }

  #onScene(): void {
    this.#countScene();
    if (this.#state.follow) {
      // The row order is known only after drawing; the followed row is scrolled into view right after.
      this.draw();
      const next = this.#frame && afterSample(this.#state, this.#frame.seen);
      if (next === undefined || next === this.#state) return;
      this.#state = next;
    }
    this.draw();
  }

  #countScene(): void {
    const { iterations, feed } = this.#options;
    this.#scenes++;
    if (iterations !== undefined && this.#scenes > iterations * feed.scene.hosts.length) this.quit();
  }

  #take({ state, effects }: UpdateResult): void {
    const before = this.#state;
    this.#state = state;
    if (state.frozen !== before.frozen) this.#frozen = state.frozen ? this.#options.feed.scene : undefined;
    for (const effect of effects) this.#do(effect);
    this.draw();
  }

  #say(text: string, role: 'info' | 'bad'): void {
    this.#state = { ...this.#state, message: { text, role } };
    this.draw();
  }

  #do(effect: Effect): void {
    const { feed } = this.#options;
    switch (effect.kind) {
      case 'quit':
        return this.quit();
      case 'suspend':
        return this.#options.suspend();
      case 'save':
        return this.#report(this.#options.save(this.#state));
      case 'refresh':
        this.#terminal?.forget();
        return feed.refresh();
      case 'delay':
        return feed.setDelay(this.#state.delayMs);
      case 'mark':
        this.#state = marked(this.#state, this.#frozen ?? feed.scene);
        return;
      case 'copy':
        return this.#terminal?.copy(effect.text);
      case 'record':
        return this.#report(feed.record(effect.file).then(() => `recording to ${effect.file}; :stop to end`));
      case 'stop-recording':
        return this.#report(feed.stopRecording().then(() => 'recording stopped'));
      case 'seek':
        return feed.seek(effect.by);
      case 'seek-to':
        return feed.seekTo(effect.index);
      case 'play':
        return feed.togglePlay();
    }
  }

  #report(done: Promise<string>): void {
    done.then(
      (text) => this.#say(text, 'info'),
      (error: Error) => this.#say(error.message, 'bad'),
    );
  }
}
