import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readBuiltDashboards } from '../dashboards/built.ts';
import { clusterLabelFault } from '../dashboards/cluster-label.ts';
import { configurationFiles, DEFAULTS, type FileOptions } from '../dashboards/files.ts';
import { otherForms } from '../dashboards/forms/forms.ts';
import { mixinFiles } from '../dashboards/forms/mixin.ts';
import { alertGroups } from '../dashboards/rules/alerts/all.ts';
import {
  DEFAULT_JOB,
  DEFAULT_RUNBOOK_URL,
  LONGEST_SCRAPE_INTERVAL_SECONDS,
} from '../dashboards/rules/build.ts';
import { durationOf } from '../dashboards/rules/duration.ts';
import { regexFault } from '../dashboards/rules/regex.ts';
import { settingsSchema } from '../dashboards/rules/settings-schema.ts';
import { readYamlFile } from '../exporter/config/yaml-file.ts';
import { parseSeconds } from '../model/duration.ts';
import { packageFolder } from '../sampler/package-folder.ts';
import { durationOption } from './duration-option.ts';
import { log } from './log.ts';
import { writeFiles } from './write-files.ts';

interface BuildFlags {
  readonly out: string;
  readonly rules?: readonly string[];
  readonly thresholds?: string;
  readonly job: string;
  readonly runbookUrl: string;
  readonly grafanaPath: string;
  readonly prometheusUrl: string;
  readonly clusterLabel: string;
  /** Seconds. */
  readonly scrapeInterval: number;
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
    .option(
      '--job <regex>',
      "regular expression for the job label of virtune's scrapes",
      jobRegex,
      DEFAULT_JOB,
    )
    .option('--cluster-label <name>', "label of a host's cluster", clusterLabel, DEFAULTS.clusterLabel)
    .option('--runbook-url <url>', 'base URL of the runbooks', DEFAULT_RUNBOOK_URL)
    .option('--grafana-path <dir>', "folder of the dashboards on Grafana's disk", DEFAULTS.grafanaPath)
    .option('--prometheus-url <url>', 'URL at which Grafana reaches Prometheus', DEFAULTS.prometheusUrl)
    .addOption(
      durationOption(
        '--scrape-interval',
        'scrape interval of Prometheus; rates are over 5 minutes and need 4 samples',
        {
          minSeconds: 1,
          maxSeconds: LONGEST_SCRAPE_INTERVAL_SECONDS,
          isWhole: true,
          defaultSeconds: parseSeconds(DEFAULTS.scrapeInterval),
        },
      ),
    )
    .action(async (flags: BuildFlags) => {
      const settings =
        flags.thresholds === undefined
          ? {}
          : await readYamlFile(flags.thresholds, settingsSchema(flags.clusterLabel));
      const built = new URL('dashboards/built/', packageFolder());
      const options: FileOptions = {
        ...flags,
        scrapeInterval: durationOf(flags.scrapeInterval),
        settings,
        groups: flags.rules,
      };
      const plain = new Map([
        ...readBuiltDashboards(built, settings, flags.clusterLabel),
        ...configurationFiles(options),
      ]);
      const files = new Map([...plain, ...otherForms(plain), ...mixinFiles(built, options)]);
      await writeFiles(flags.out, files);
      for (const path of files.keys()) process.stdout.write(`${join(flags.out, path)}\n`);
      log(`virtune: ${files.size} files written`);
    });
  return new Command('dashboards')
    .description('Grafana dashboards, Prometheus rules and Alertmanager configuration')
    .addCommand(build);
}

function jobRegex(text: string): string {
  const fault = regexFault(text);
  if (fault === undefined) return text;
  throw new InvalidArgumentError(`Expected a regular expression, such as virtune.*: ${fault}.`);
}

function clusterLabel(text: string): string {
  const fault = clusterLabelFault(text);
  if (fault === undefined) return text;
  throw new InvalidArgumentError(`Expected a label of your scrape configuration: ${fault}.`);
}
