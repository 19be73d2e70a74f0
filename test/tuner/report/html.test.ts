import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { terminalText } from '../../../model/terminal-text.ts';
import { html } from '../../../tuner/report/html.ts';

test('any text comes out as text, in an element and in an attribute, with nothing hidden in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { text: page } = html`<p title="${text}">${text}</p>`;
      const paragraph = new DOMParser().parseFromString(page, 'text/xml').documentElement;
      expect(paragraph?.textContent).toBe(terminalText(text));
      expect(paragraph?.getAttribute('title')).toBe(terminalText(text));
      expect(paragraph?.getElementsByTagName('*')).toHaveLength(0);
    }),
  );
});

test('markup stays markup, in lists too, and everything else in them is text', () => {
  const items = ['<b>', html`<i>${'&'}</i>`, 3];
  expect(html`<p>${items}</p>`.text).toBe('<p>&lt;b&gt;<i>&amp;</i>3</p>');
});
