import { expect, test } from 'vitest';
import { abilitiesOf } from '../../tui/terminal/abilities.ts';

const LANG = 'en_US.UTF-8';

test.each([
  [
    { TERM: 'xterm-256color', LANG },
    { colours: 256, unicode: true, mouse: true },
  ],
  [
    { TERM: 'screen-256color', LANG },
    { colours: 256, unicode: true, mouse: true },
  ],
  [
    { TERM: 'xterm', LANG },
    { colours: 16, unicode: true, mouse: true },
  ],
  [
    { TERM: 'screen', LANG },
    { colours: 8, unicode: true, mouse: true },
  ],
  [
    { TERM: 'linux', LANG },
    { colours: 8, unicode: false, mouse: false },
  ],
  [
    { TERM: 'vt100', LANG },
    { colours: 0, unicode: false, mouse: false },
  ],
  [
    { TERM: 'xterm-256color', LANG, NO_COLOR: '1' },
    { colours: 0, unicode: true, mouse: true },
  ],
  [
    { TERM: 'xterm-256color', LANG, NO_COLOR: '' },
    { colours: 256, unicode: true, mouse: true },
  ],
  [
    { TERM: 'xterm-256color', LANG, LC_ALL: 'C' },
    { colours: 256, unicode: false, mouse: true },
  ],
  [{ TERM: 'xterm-256color' }, { colours: 256, unicode: false, mouse: true }],
])('%j can %j', (env, abilities) => {
  expect(abilitiesOf(env)).toEqual(abilities);
});
