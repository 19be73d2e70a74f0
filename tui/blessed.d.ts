/** Only what virtune uses of blessed 0.1.81. */
declare module 'blessed' {
  export interface Tput {
    readonly strings: Record<string, unknown>;
    brokenACS: boolean;
  }

  /** A cell of the screen: attributes and text. */
  export type ScreenCell = [attributes: number, text: string];
  export interface ScreenLine extends Array<ScreenCell> {
    dirty: boolean;
  }

  export interface Key {
    readonly full: string;
    readonly name?: string;
    readonly sequence?: string;
  }

  export interface MouseEvent {
    readonly action: 'mousedown' | 'mouseup' | 'mousemove' | 'wheelup' | 'wheeldown';
    readonly button?: string;
    readonly x: number;
    readonly y: number;
  }

  export interface Program {
    readonly tput: Tput;
    readonly cols: number;
    readonly rows: number;
    bindMouse(): void;
    flush(): void;
    showCursor(): void;
    hideCursor(): void;
    on(event: 'keypress', listener: (char: string | undefined, key: Key) => void): void;
    on(event: 'mouse', listener: (event: MouseEvent) => void): void;
    on(event: 'resize', listener: () => void): void;
  }

  export interface Screen {
    readonly program: Program;
    readonly lines: ScreenLine[];
    readonly olines: ScreenLine[];
    readonly width: number;
    readonly height: number;
    readonly destroyed?: boolean;
    alloc(): void;
    draw(from: number, to: number): void;
    enter(): void;
    leave(): void;
    destroy(): void;
    render(): void;
  }

  export interface TputConstructor {
    readonly prototype: {
      /** Reads the terminal's description. */
      setup(this: TputConstructor['prototype']): void;
      /** Reads one of the descriptions in blessed's usr/. */
      _useInternalInfo(name: string): void;
    };
  }

  const blessed: {
    readonly Tput: TputConstructor;
    program(options: object): Program;
    screen(options: object): Screen;
  };
  // biome-ignore lint/style/noDefaultExport: it is blessed's own
  export default blessed;
}

/** blessed-contrib 4.11.0's bundled types fail strict checks. */
declare module 'blessed-contrib/lib/widget/charts/line.js' {
  export interface LineChart {
    readonly ctx: {
      lineTo: (x: number, y: number) => void;
      moveTo: (x: number, y: number) => void;
      beginPath: () => void;
      fillText: (text: string, x: number, y: number) => void;
      readonly _canvas: { frame(): string };
    };
    emit(event: 'attach'): void;
    setData(
      data: readonly {
        readonly title: string;
        readonly x: readonly string[];
        readonly y: readonly number[];
        readonly style: { readonly line: number };
      }[],
    ): void;
  }
}
