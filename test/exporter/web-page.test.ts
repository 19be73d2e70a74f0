import { expect, test } from 'vitest';
import { describeWebPage, isWebPage, redirectTarget } from '../../exporter/web-page.ts';

test.each([
  '<!DOCTYPE html><title>x</title>',
  '\n <html lang="en">',
  '<?xml version="1.0"?><Error/>',
  '<!-- proxy -->',
  '<h1>502 Bad Gateway</h1>',
  '<center>',
])('%j is a web page', (text) => expect(isWebPage(text)).toBe(true));

test.each(['', '{"error":"<html>"}', '<nil> metric', '< 3 samples', 'ok', '<headers> are missing'])(
  '%j is not taken for a web page',
  (text) => expect(isWebPage(text)).toBe(false),
);

test('a web page is described by its title or heading, else its text, cut and in one line', () => {
  expect(describeWebPage('<html><head><title>\n Sign\n in </title>')).toBe('a web page, "Sign in"');
  expect(describeWebPage('<h1 class="x">502 Bad Gateway</h1>')).toBe('a web page, "502 Bad Gateway"');
  expect(describeWebPage('<p>Access <b>denied</b></p><script>x()</script>')).toBe(
    'a web page, "Access denied"',
  );
  expect(describeWebPage(`<title>${'x'.repeat(500)}</title>`)).toHaveLength('a web page, ""'.length + 100);
});

test('a redirect is shown without path and query', () => {
  expect(redirectTarget('https://login.example/in?token=secret')).toBe('https://login.example');
  expect(redirectTarget('/login')).toBe('another address');
  expect(redirectTarget(undefined)).toBe('another address');
});
