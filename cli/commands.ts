import type { Command } from 'commander';

/** By name, in the order of help. Each is loaded when it is asked for: the start of one should not wait for all. */
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

/** What needs all commands to be loaded. */
const NEEDS_ALL = 'completion';

/** What prints the version, which needs no command: none is loaded then. */
const VERSION_FLAGS: readonly (string | undefined)[] = ['--version', '-V'];

/** The command of that name; all of them for anything else, so that help and suggestions know them. */
export function loadCommands(asked: string | undefined): Promise<Command[]> {
  if (VERSION_FLAGS.includes(asked)) return Promise.resolve([]);
  const names =
    asked !== undefined && asked !== NEEDS_ALL && Object.hasOwn(COMMANDS, asked)
      ? [asked]
      : Object.keys(COMMANDS);
  return Promise.all(names.flatMap((name) => COMMANDS[name]?.() ?? []));
}
