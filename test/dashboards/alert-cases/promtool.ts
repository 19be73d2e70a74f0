import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { buildAlertRules, buildRecordingRules } from '../../../dashboards/rules/build.ts';
import { yamlFile } from '../../../dashboards/rules/yaml.ts';
import type { AlertCase, Firing } from './case.ts';

const RUNBOOKS = 'https://runbooks.example';

/** Writes the rules and one case as promtool wants them, for as long as `use` runs. */
export function withTestFile<T>(each: AlertCase, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-rules-'));
  try {
    const options = { runbookUrl: RUNBOOKS };
    writeFileSync(join(folder, 'recording.yaml'), yamlFile('', buildRecordingRules(options)));
    writeFileSync(join(folder, 'alerts.yaml'), yamlFile('', buildAlertRules(options)));
    const file = join(folder, 'test.yaml');
    writeFileSync(file, stringify(testFile(each), { lineWidth: 0 }));
    return use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function testFile({ alert, series, everyMinutes = 1, at }: AlertCase): unknown {
  const interval = `${everyMinutes}m`;
  return {
    rule_files: ['recording.yaml', 'alerts.yaml'],
    evaluation_interval: interval,
    tests: [
      {
        interval,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: Object.entries(at).map(([minute, firing]) => ({
          eval_time: `${minute}m`,
          alertname: alert,
          exp_alerts: firing.map((each) => expected(alert, each)),
        })),
      },
    ],
  };
}

function expected(alert: string, { labels, summary, description }: Firing): unknown {
  return {
    exp_labels: labels,
    exp_annotations: { summary, description, runbook_url: `${RUNBOOKS}/${alert}.md` },
  };
}
