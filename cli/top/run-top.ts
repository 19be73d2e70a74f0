import type { Recording } from '../../sampler/record/recording.ts';
import type { Demo } from '../../simulator/demo.ts';
import type { BatchOptions } from '../../tui/batch/batch.ts';
import { findColumn } from '../../tui/columns/column.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import type { Feed } from '../../tui/feed/feed.ts';
import { LiveFeed } from '../../tui/feed/live.ts';
import { parseThreshold } from '../../tui/model/filter.ts';
import { sceneOf } from '../../tui/model/host-view.ts';
import { naturalSort, type Sort } from '../../tui/model/sort.ts';
import { tableFor } from '../../tui/render/table.ts';
import { withSettings } from '../../tui/state/settings.ts';
import { INITIAL_STATE, type UiState } from '../../tui/state/state.ts';
import { tableOf, VIEW_NAMES } from '../../tui/state/views.ts';
import { abilitiesOf } from '../../tui/terminal/abilities.ts';
import { isThemeName, themes } from '../../tui/text/theme.ts';
import { busyClock } from '../demo-clock.ts';
import { UsageError } from '../usage-error.ts';
import type { TopFlags } from './flags.ts';
import type { RunConsoleOptions } from './run-console.ts';
import { readSettings } from './settings-file.ts';
import { type AskedHost, openHosts } from './sources.ts';

/** Runs the console or batch mode; returns the exit code. */
export async function runTop(flags: TopFlags): Promise<number> {
  checkFlags(flags);
  const state = await firstState(flags);
  const batch = batchOptions(flags, state);
  if (flags.replay !== undefined) {
    const { Recording } = await import('../../sampler/record/recording.ts');
    return replay(Recording.open(flags.replay), flags, state, batch);
  }
  const demo = await startDemoFor(flags);
  try {
    const hosts =
      demo === undefined ? (flags.connect ?? [defaultUri()]) : [`${demo.scenario.name}=${demo.uri}`];
    return await ask(await openHosts(hosts, flags), flags, state, batch);
  } finally {
    await demo?.stop();
  }
}

async function ask(
  hosts: readonly AskedHost[],
  flags: TopFlags,
  state: UiState,
  batch: Batch | undefined,
): Promise<number> {
  try {
    // Report a wrong URI or a missing permission at once; with several hosts, each shows it in its line.
    if (hosts.length === 1) await hosts[0]?.attempt();
    // A first connection, over ssh for instance, can take longer than the sample timeout, and a batch with one
    // iteration has no second chance.
    else if (batch !== undefined) await Promise.allSettled(hosts.map((host) => host.attempt()));
    return await (batch === undefined ? watch(hosts, flags, state) : printLive(hosts, flags, state, batch));
  } finally {
    await Promise.all(hosts.map((host) => host.close()));
  }
}

function defaultUri(): string {
  return process.env['LIBVIRT_DEFAULT_URI'] || 'qemu:///system';
}

/** @throws UsageError */
function checkFlags(flags: TopFlags): void {
  const sources = [flags.connect, flags.demo, flags.replay].filter((each) => each !== undefined);
  if (sources.length > 1) throw new UsageError('--connect, --demo and --replay cannot be combined');
  if (flags.json === true && flags.csv === true) throw new UsageError('--json and --csv cannot be combined');
  if (flags.replay !== undefined && flags.record !== undefined)
    throw new UsageError('--record and --replay cannot be combined');
  if (flags.vms !== undefined && flags.demo === undefined) throw new UsageError('--vms needs --demo');
}

async function startDemoFor(flags: TopFlags): Promise<Demo | undefined> {
  if (flags.demo === undefined) return undefined;
  const { startDemo } = await import('../../simulator/demo.ts');
  return startDemo({
    scenario: flags.demo === true ? undefined : flags.demo,
    vms: flags.vms,
    now: busyClock(),
  });
}

/**
 * The saved settings, overridden by the flags. W saves this state again, so it contains nothing that only this terminal
 * requires.
 */
export async function firstState(flags: TopFlags): Promise<UiState> {
  const kept = flags.config ? await readSettings() : undefined;
  const { state: saved, ignored } =
    kept === undefined ? { state: INITIAL_STATE, ignored: [] } : withSettings(INITIAL_STATE, kept);
  const view = flags.view === undefined ? saved.view : VIEW_NAMES.find((name) => name === flags.view);
  if (view === undefined)
    throw new UsageError(`no view "${flags.view}"; choose from ${VIEW_NAMES.join(', ')}`);
  if (flags.theme !== undefined && !isThemeName(flags.theme)) {
    throw new UsageError(`no theme "${flags.theme}"; choose from ${Object.keys(themes).join(', ')}`);
  }
  const theme = flags.theme ?? saved.theme;
  const filter = flags.filter ?? '';
  // Reject an invalid filter now, not at the first row.
  const { filterError } = tableFor(tableOf(view) ?? 'vms', sceneOf([], 0), { ...saved, filter });
  if (filterError !== undefined) throw new UsageError(filterError);
  return {
    ...saved,
    view,
    theme: isThemeName(theme) ? theme : saved.theme,
    ascii: flags.ascii ?? saved.ascii,
    filter,
    delayMs: flags.delay === undefined ? saved.delayMs : flags.delay * 1_000,
    units: flags.requests === true ? 'requests' : saved.units,
    sorts: flags.sort === undefined ? saved.sorts : { ...saved.sorts, vms: sortOf(flags.sort) },
    message:
      ignored.length === 0
        ? undefined
        : { text: `ignored invalid saved settings: ${ignored.join(', ')}`, role: 'warn' },
  };
}

/** `cpu`, `name:desc`. */
function sortOf(text: string): Sort {
  const [name = '', way] = text.split(':');
  const column = findColumn(vmColumns, name);
  if (column === undefined) {
    throw new UsageError(`no column "${name}"; choose from ${vmColumns.map(({ id }) => id).join(', ')}`);
  }
  if (way !== undefined && way !== 'asc' && way !== 'desc') {
    throw new UsageError(`"${way}" is not a sort order; expected ${name}:asc or ${name}:desc`);
  }
  return way === undefined ? naturalSort(column) : { column: column.id, descending: way === 'desc' };
}

interface Batch extends BatchOptions {
  readonly iterations: number;
}

/** Undefined when the console should run and there is a terminal for it. */
function batchOptions(flags: TopFlags, state: UiState): Batch | undefined {
  const thresholds = (flags.failOn ?? []).map((text) => parseThreshold(text, vmColumns));
  const asked =
    flags.batch === true ||
    flags.once === true ||
    flags.json === true ||
    flags.csv === true ||
    thresholds.length > 0;
  const hasScreen = process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';
  if (!asked && hasScreen) return undefined;
  const once = flags.once === true || (thresholds.length > 0 && flags.batch !== true);
  return {
    format: flags.json === true ? 'json' : flags.csv === true ? 'csv' : 'text',
    filter: state.filter,
    sort: state.sorts.vms,
    thresholds,
    iterations: flags.iterations ?? (once ? 1 : Number.POSITIVE_INFINITY),
  };
}

async function watch(hosts: readonly AskedHost[], flags: TopFlags, state: UiState): Promise<number> {
  const { runConsole } = await import('./run-console.ts');
  const feed = new LiveFeed(hosts, state.delayMs);
  if (flags.record !== undefined) await feed.record(flags.record);
  try {
    return await runConsole(consoleRun(feed, flags, state));
  } finally {
    await feed.close();
  }
}

async function replay(
  recording: Recording,
  flags: TopFlags,
  state: UiState,
  batch: Batch | undefined,
): Promise<number> {
  if (batch !== undefined) {
    const { recordedScenes, runBatch } = await import('./run-batch.ts');
    return runBatch(recordedScenes(recording, batch.iterations), {
      ...batchRun(flags, state, batch),
      delayMs: undefined,
      record: undefined,
    });
  }
  const [{ ReplayFeed }, { runConsole }] = await Promise.all([
    import('../../tui/feed/replay.ts'),
    import('./run-console.ts'),
  ]);
  const feed = new ReplayFeed(recording);
  try {
    return await runConsole(consoleRun(feed, flags, state));
  } finally {
    await feed.close();
  }
}

async function printLive(
  hosts: readonly AskedHost[],
  flags: TopFlags,
  state: UiState,
  batch: Batch,
): Promise<number> {
  const { liveScenes, runBatch } = await import('./run-batch.ts');
  const ended = new AbortController();
  const end = (): void => ended.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const options = { ...batchRun(flags, state, batch), record: flags.record };
  return runBatch(liveScenes(hosts, options, ended.signal), options);
}

function batchRun(flags: TopFlags, state: UiState, batch: Batch) {
  return {
    ...batch,
    delayMs: flags.delay === undefined ? 1_000 : flags.delay * 1_000,
    units: state.units,
    ascii: state.ascii || !abilitiesOf(process.env).unicode,
  };
}

function consoleRun(feed: Feed, flags: TopFlags, state: UiState): RunConsoleOptions {
  const { mouse, iterations, color } = flags;
  const abilities = abilitiesOf(process.env);
  return { feed, state, abilities: color ? abilities : { ...abilities, colours: 0 }, mouse, iterations };
}
