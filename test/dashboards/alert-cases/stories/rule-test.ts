import { buildAlertRules, buildRecordingRules, type RuleGroup } from '../../../../dashboards/rules/build.ts';
import { selectorsOf } from '../../promql.ts';
import type { RuleTest } from '../../promtool.ts';
import type { Story } from './story.ts';

/** Evaluates a story with all rules. */
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

/** Expressions that have a value even without series. */
const WITHOUT_SERIES = /\b(absent|vector)\(/;

/**
 * All rules except those whose selectors find no series in this story: they have no value in it, and would take most of
 * promtool's time.
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

/** `up` of each host, for the longest possible story. */
function scrapesOf(series: readonly string[]): Record<string, string> {
  const targets = series.flatMap((name) => {
    const label = (of: string): string => new RegExp(`${of}="[^"]*"`).exec(name)?.[0] ?? '';
    const labels = [label('job'), label('cluster'), label('instance')].filter((text) => text !== '');
    return labels.length > 1 ? [`up{${labels.join(', ')}}`] : [];
  });
  return Object.fromEntries(targets.map((target) => [target, '1+0x3000']));
}
