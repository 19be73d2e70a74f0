import { expect, test } from 'vitest';
import { stories } from './alert-cases/stories/all.ts';
import { ruleTestOfStory } from './alert-cases/stories/rule-test.ts';
import { hasPromtool, testRules } from './promtool.ts';

test.skipIf(!hasPromtool).each(stories.map((story) => [story.what, story] as const))('%s', (_, story) => {
  const { passed, output } = testRules([ruleTestOfStory(story)]);
  expect(passed, output).toBe(true);
});

test.skipIf(!hasPromtool)('promtool fails a story that does not hold', () => {
  const [first] = stories;
  if (first === undefined) throw new Error('there is no story');
  expect(testRules([ruleTestOfStory({ ...first, at: { 12: { up: {} } } })]).passed).toBe(false);
});
