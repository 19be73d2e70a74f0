import type { Command } from 'commander';

/** By name, in the order of help. Loaded lazily, so that starting one command does not load all of them. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  exporter: async () => (await import('./exporter.ts')).exporterCommand(),
  top: async () => (await import('./top.ts')).topCommand(),
  advise: async () => (await import('./advise.ts')).adviseCommand(),
  tune: async () => (await import('./tune/tune.ts')).tuneCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
  dashboards: async () => (await import('./dashboards.ts')).dashboardsCommand(),
  elasticsearch: async () => (await import('./elasticsearch.ts')).elasticsearchCommand(),
  runbook: async () => (await import('./runbook.ts')).runbookCommand(),
  licenses: async () => (await import('./licenses.ts')).licensesCommand(),
  completion: async () => (await import('./completion.ts')).completionCommand(),
};

/** Needs all commands loaded. */
const NEEDS_ALL = 'completion';

/** Printing the version needs no command, so none is loaded. */
const VERSION_FLAGS: readonly (string | undefined)[] = ['--version', '-V'];

/** The command of that name; for any other word all commands, so that help and suggestions can list them. */
export function loadCommands(asked: string | undefined): Promise<Command[]> {
  if (VERSION_FLAGS.includes(asked)) return Promise.resolve([]);
  const names =
    asked !== undefined && asked !== NEEDS_ALL && Object.hasOwn(COMMANDS, asked)
      ? [asked]
      : Object.keys(COMMANDS);
  return Promise.all(names.flatMap((name) => COMMANDS[name]?.() ?? []));
}
