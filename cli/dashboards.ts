import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readBuiltDashboards } from '../dashboards/built.ts';
import { configurationFiles, DEFAULTS, type Files } from '../dashboards/files.ts';
import { otherForms } from '../dashboards/forms/forms.ts';
import { alertGroups } from '../dashboards/rules/alerts/all.ts';
import {
  DEFAULT_JOB,
  DEFAULT_RUNBOOK_URL,
  LONGEST_SCRAPE_INTERVAL_SECONDS,
} from '../dashboards/rules/build.ts';
import { durationOf } from '../dashboards/rules/duration.ts';
import { type Settings, settingsSchema } from '../dashboards/rules/settings.ts';
import { readYamlFile } from '../exporter/config/yaml-file.ts';
import { parseSeconds } from '../model/duration.ts';
import { VirtuneError } from '../model/virtune-error.ts';
import { makeFolder } from '../sampler/make-folder.ts';
import { durationOption } from './duration-option.ts';
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
  readonly clusterLabel: string;
  /** Seconds. */
  readonly scrapeInterval: number;
}

class OutError extends VirtuneError {
  override readonly name = 'OutError';
  constructor(message: string, options?: ErrorOptions) {
    super('DASHBOARDS_OUT', message, options);
  }
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
    .option('--cluster-label <name>', "label of a host's cluster", labelName, DEFAULTS.clusterLabel)
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
      // The schema allows nothing else; zod cannot say so of keys that it is given at run time.
      const settings =
        flags.thresholds === undefined ? {} : (readYamlFile(flags.thresholds, settingsSchema) as Settings);
      const plain = new Map([
        ...readBuiltDashboards(new URL('dashboards/built/', packageFolder()), settings, flags.clusterLabel),
        ...configurationFiles({
          ...flags,
          scrapeInterval: durationOf(flags.scrapeInterval),
          settings,
          groups: flags.rules,
        }),
      ]);
      const files = new Map([...plain, ...otherForms(plain)]);
      await write(flags.out, files);
      for (const path of files.keys()) process.stdout.write(`${join(flags.out, path)}\n`);
      log(`virtune: ${files.size} files written`);
    });
  return new Command('dashboards')
    .description('Grafana dashboards, Prometheus rules and Alertmanager configuration')
    .addCommand(build);
}

/** As Prometheus allows them. */
function labelName(text: string): string {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(text)) return text;
  throw new InvalidArgumentError('Expected the name of a Prometheus label.');
}

/** @throws OutError */
async function write(folder: string, files: Files): Promise<void> {
  for (const [path, text] of files) {
    const file = join(folder, path);
    try {
      await makeFolder(dirname(file));
      await writeFile(file, text);
    } catch (error) {
      throw new OutError(
        `${file} cannot be written: ${(error as Error).message}; choose another folder with --out`,
        { cause: error },
      );
    }
  }
}
