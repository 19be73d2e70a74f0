import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { readBuiltDashboards } from '../dashboards/built.ts';
import { configurationFiles, DEFAULTS, type Files } from '../dashboards/files.ts';
import { alertGroups } from '../dashboards/rules/alerts/all.ts';
import { DEFAULT_JOB, DEFAULT_RUNBOOK_URL } from '../dashboards/rules/build.ts';
import { type Settings, settingsSchema } from '../dashboards/rules/settings.ts';
import { readYamlFile } from '../exporter/config/yaml-file.ts';
import { log } from './log.ts';
import { packageFolder } from './package-folder.ts';

interface BuildFlags {
  readonly out: string;
  readonly rules?: readonly string[];
  readonly thresholds?: string;
  readonly job: string;
  readonly runbookUrl: string;
  readonly grafanaPath: string;
  readonly prometheusUrl: string;
  readonly scrapeInterval: string;
}

class OutError extends Error {
  readonly code = 'DASHBOARDS_OUT';
}

export function dashboardsCommand(): Command {
  const build = new Command('build')
    .description('write dashboards, rules and example configuration into a folder')
    .option('-o, --out <dir>', 'output folder', 'virtune-dashboards')
    .addOption(
      new Option('--rules <group...>', 'only alerts of these groups').choices(
        alertGroups.map(({ name }) => name),
      ),
    )
    .option('--thresholds <file>', 'YAML file with your own thresholds; see docs/alerting-on-overcommit.md')
    .option('--job <regex>', "regular expression for the job label of virtune's scrapes", DEFAULT_JOB)
    .option('--runbook-url <url>', 'base URL of the runbooks', DEFAULT_RUNBOOK_URL)
    .option('--grafana-path <dir>', "folder of the dashboards on Grafana's disk", DEFAULTS.grafanaPath)
    .option('--prometheus-url <url>', 'URL at which Grafana reaches Prometheus', DEFAULTS.prometheusUrl)
    .option('--scrape-interval <duration>', 'scrape interval of Prometheus', DEFAULTS.scrapeInterval)
    .action((flags: BuildFlags) => {
      // The schema allows nothing else; zod cannot say so of keys that it is given at run time.
      const settings =
        flags.thresholds === undefined ? {} : (readYamlFile(flags.thresholds, settingsSchema) as Settings);
      const files = new Map([
        ...readBuiltDashboards(new URL('dashboards/built/', packageFolder()), settings),
        ...configurationFiles({ ...flags, settings, groups: flags.rules }),
      ]);
      write(flags.out, files);
      for (const path of files.keys()) process.stdout.write(`${join(flags.out, path)}\n`);
      log(`virtune: ${files.size} files written`);
    });
  return new Command('dashboards')
    .description('Grafana dashboards, Prometheus rules and Alertmanager configuration')
    .addCommand(build);
}

/** @throws OutError */
function write(folder: string, files: Files): void {
  for (const [path, text] of files) {
    const file = join(folder, path);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    } catch (error) {
      throw new OutError(
        `${file} cannot be written: ${(error as Error).message}; choose another folder with --out`,
        { cause: error },
      );
    }
  }
}
