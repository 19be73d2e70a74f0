import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { stories } from './alert-cases/stories/all.ts';
import { withStory } from './alert-cases/stories/promtool.ts';

const absent = spawnSync('promtool', ['--version']).status !== 0;

test.skipIf(absent).each(stories.map((story) => [story.what, story] as const))('%s', (_, story) => {
  const said = withStory(story, (file) =>
    spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' }),
  );
  expect(said.status, said.stdout + said.stderr).toBe(0);
});

test.skipIf(absent)('promtool fails a story that does not hold', () => {
  const [first] = stories;
  if (first === undefined) throw new Error('there is no story');
  const said = withStory({ ...first, at: { 12: { up: {} } } }, (file) =>
    spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' }),
  );
  expect(said.status).toBe(1);
});
