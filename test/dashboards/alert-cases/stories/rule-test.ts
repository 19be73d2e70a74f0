import { buildAlertRules, buildRecordingRules, type RuleGroup } from '../../../../dashboards/rules/build.ts';
import { selectorsOf } from '../../promql.ts';
import type { RuleTest } from '../../promtool.ts';
import type { Story } from './story.ts';

/** A story beside all rules. */
export function ruleTestOfStory(story: Story): RuleTest {
  const { series, everyMinutes = 1, evaluatedEveryMinutes = everyMinutes, at, isScraped = true } = story;
  const groups = rulesFor(story);
  return {
    groups,
    order: groups.map(({ name }) => name),
    everyMinutes,
    evaluatedEveryMinutes,
    series: isScraped ? { ...scrapesOf(Object.keys(series)), ...series } : series,
    expected: {
      promql_expr_test: Object.entries(at).flatMap(([minute, queries]) =>
        Object.entries(queries).map(([expr, values]) => ({
          expr,
          eval_time: `${minute}m`,
          exp_samples: Object.entries(values).map(([labels, value]) => ({ labels, value })),
        })),
      ),
    },
  };
}

/** Expressions that have a value where no series is. */
const WITHOUT_SERIES = /\b(absent|vector)\(/;

/**
 * All rules but those of which no selector finds a series in this story: they have no value in it, and promtool would take
 * most of its time for them.
 */
function rulesFor({ series, options }: Story): readonly RuleGroup[] {
  const there = new Set(['up', 'ALERTS', ...Object.keys(series).map((name) => name.split('{')[0])]);
  const groups = [...buildRecordingRules(options).groups, ...buildAlertRules(options).groups];
  return groups.map((group) => ({
    ...group,
    rules: group.rules.filter((rule) => {
      const has =
        WITHOUT_SERIES.test(rule.expr) || selectorsOf(rule.expr).some(({ name }) => there.has(name));
      if (has && 'record' in rule) there.add(rule.record);
      return has;
    }),
  }));
}

/** Each host's `up`, for as long as a story may last. */
function scrapesOf(series: readonly string[]): Record<string, string> {
  const targets = series.flatMap((name) => {
    const label = (of: string): string => new RegExp(`${of}="[^"]*"`).exec(name)?.[0] ?? '';
    const labels = [label('job'), label('cluster'), label('instance')].filter((text) => text !== '');
    return labels.length > 1 ? [`up{${labels.join(', ')}}`] : [];
  });
  return Object.fromEntries(targets.map((target) => [target, '1+0x3000']));
}
