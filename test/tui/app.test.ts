import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Recording } from '../../sampler/record/recording.ts';
import { Console } from '../../tui/app.ts';
import { type HostSource, LiveFeed } from '../../tui/feed/live.ts';
import { ReplayFeed } from '../../tui/feed/replay.ts';
import { INITIAL_STATE, type UiState } from '../../tui/state/state.ts';
import { type Line, plain } from '../../tui/text/line.ts';
import { hostSample } from './scene-of.ts';
import { RECORDINGS } from './scenes.ts';

/** A fake terminal of 120 x 30. */
class Paper {
  readonly width = 120;
  readonly height = 30;
  lines: readonly string[] = [];
  forgotten = 0;

  paint(lines: readonly Line[]): void {
    this.lines = lines.map(plain);
  }

  readonly copied: string[] = [];

  copy(text: string): void {
    this.copied.push(text);
  }

  forget(): void {
    this.forgotten++;
  }

  get text(): string {
    return this.lines.join('\n');
  }
}

function replaying(
  save: (state: UiState) => Promise<string> = () => Promise.resolve('saved'),
  ascii = false,
) {
  const feed = new ReplayFeed(Recording.open(join(RECORDINGS, 'noisy-neighbour.rec')), 30);
  const paper = new Paper();
  let suspended = 0;
  const ui = new Console({
    feed,
    state: INITIAL_STATE,
    mono: false,
    ascii,
    save,
    suspend: () => {
      suspended++;
    },
  });
  const ended = ui.run(paper);
  const press = (...keys: readonly string[]): void => {
    for (const key of keys) {
      const char = [...key].length === 1 ? key : undefined;
      ui.key(char !== undefined && /^[A-Z]$/.test(char) ? `S-${char.toLowerCase()}` : key, char);
    }
  };
  return { feed, ui, paper, press, ended, suspended: () => suspended };
}

test('scrubbing draws another instant; while frozen, what is drawn stays', () => {
  const { paper, press } = replaying();
  expect(paper.text).toContain('REPLAY 31/60');
  const before = paper.lines.slice(5);
  press('Z', '.');
  expect(paper.text).toContain('FROZEN');
  expect(paper.lines.slice(6, 20)).toEqual(before.slice(1, 15));
  press('Z');
  expect(paper.lines.slice(6, 20)).not.toEqual(before.slice(1, 15));
  press(':', ...'goto 9'.split('').map((char) => (char === ' ' ? ' ' : char)), 'enter');
  expect(paper.text).toContain('REPLAY 9/60');
  press(':', ...'goto 999'.split(''), 'enter');
  expect(paper.text).toContain('the recording has samples 1 to 60');
});

test('the mouse chooses a row, and opens it with a second click', () => {
  const { ui, paper } = replaying();
  const at = { action: 'mousedown', button: 'left', x: 4, y: 8 } as const;
  ui.mouse(at);
  const name = /^>(\S+)/.exec(paper.lines[8] ?? '')?.[1];
  expect(name).toBeDefined();
  ui.mouse(at);
  expect(paper.lines[1]).toContain(`${name} on noisy-neighbour`);
});

test('a terminal without Unicode gets ASCII only, which W does not save', () => {
  const saved: boolean[] = [];
  const save = (state: UiState): Promise<string> => {
    saved.push(state.ascii);
    return Promise.resolve('saved');
  };
  const { paper, press } = replaying(save, true);
  press('/', ...'naïve'.split(''), 'enter', 'W');
  expect(paper.text).toMatch(/ filter \S+/);
  expect(paper.text).toMatch(/^[\n -~]*$/);
  const { paper: other, press: pressOther } = replaying(save);
  pressOther('/', ...'naïve'.split(''), 'enter', 'W');
  expect(other.text).toContain('naïve');
  expect(saved).toEqual([false, false]);
});

test('a failed action is reported', async () => {
  const { paper, press } = replaying(() => Promise.reject(new Error('the disk is full')));
  press('W');
  await Promise.resolve();
  await Promise.resolve();
  expect(paper.text).toContain('the disk is full');
  press(':', ...'record x'.split(''), 'enter');
  await Promise.resolve();
  await Promise.resolve();
  expect(paper.text).toContain('a replay cannot be recorded');
  press('d', '5', 'enter');
  expect(paper.text).toContain('the interval of a recording cannot be changed');
});

test('quitting ends it, and suspending is left to the owner of the process', async () => {
  const { press, ended, suspended } = replaying();
  press('C-z', 'q');
  await ended;
  expect(suspended()).toBe(1);
});

test('a mark, and the changes since', () => {
  const { paper, press } = replaying();
  press('m', '}', 'x');
  expect(paper.text).toMatch(/noisy-build .*\+\d/);
  expect(paper.lines[5]).toContain('CHANGE');
});

test('live: a host that fails says so while another goes on, and both are closed in the end', async () => {
  let closed = 0;
  let ticks = 0;
  const source = (name: string, sample: HostSource['sample']): HostSource => ({
    name,
    uri: `qemu+ssh://${name}/system`,
    groups: new Set(),
    sample,
    close: () => {
      closed++;
      return Promise.resolve();
    },
  });
  const feed = new LiveFeed(
    [
      source('good', () => Promise.resolve(hostSample(ticks++ * 1_000, [{ name: 'web' }]))),
      source('bad', () => Promise.reject(new Error('connection refused'))),
    ],
    1,
    () => 5_000,
  );
  const paper = new Paper();
  const ui = new Console({
    feed,
    state: INITIAL_STATE,
    mono: false,
    ascii: false,
    save: () => Promise.resolve(''),
    suspend: () => undefined,
  });
  void ui.run(paper);
  await vi.waitFor(() => expect(ticks).toBeGreaterThanOrEqual(4));
  expect(paper.text).toContain('bad            libvirt not reachable for 0:00; retrying. connection refused');
  expect(paper.text).toMatch(/>good +web/);
  await feed.close();
  expect(closed).toBe(2);
});

test('live: it ends by itself after the requested number of samples', async () => {
  let ticks = 0;
  const feed = new LiveFeed(
    [
      {
        name: 'host',
        uri: 'qemu:///system',
        groups: new Set(),
        sample: () => Promise.resolve(hostSample(ticks++ * 1_000, [{}])),
        close: () => Promise.resolve(),
      },
    ],
    1,
  );
  const ui = new Console({
    feed,
    state: INITIAL_STATE,
    mono: false,
    ascii: false,
    iterations: 2,
    save: () => Promise.resolve(''),
    suspend: () => undefined,
  });
  await ui.run(new Paper());
  await feed.close();
  // One more than requested: the first has no rates.
  expect(ticks).toBeGreaterThanOrEqual(3);
});

test('6, then y: the commands of the finding that costs VMs most go into the clipboard', () => {
  const { paper, press } = replaying();
  press('6', 'y');
  expect(paper.copied).toHaveLength(1);
  expect(paper.copied[0]?.split('\n')).toHaveLength(2);
  expect(paper.copied[0]).toMatch(/^virsh -c qemu\+ssh:\/\/kvm1\/system vcpupin noisy-build 0 /);
});
