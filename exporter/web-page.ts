import type { IncomingHttpHeaders } from 'node:http';
import { serverText } from './server-text.ts';

/** What answers instead of a server when a proxy or a login is in between, and what to do. @param name `the receiver` */
export function proxyAdvice(name: string): string {
  return `a proxy or a login page answers instead of ${name}: check the address, and let requests of virtune pass without a login`;
}

/** Where a redirect leads, without path and query, where secrets may be. */
export function redirectTarget(location: IncomingHttpHeaders['location'] | string[]): string {
  return URL.parse(String(location ?? ''))?.origin ?? 'another address';
}

/** How pages of proxies and logins begin, some without a head. Not any `<`: an error of a server may begin with `<nil>`. */
const PAGE = /^\s*<(?:!--|(?:!doctype|\?xml|html|head|title|body|center|h\d|p|div)\b)/i;

/** A title is at the start; what is searched by patterns is bounded. */
const PAGE_MAX = 16_384;

/** Whether an answer is HTML or XML: no server of an API answers so. */
export function isWebPage(text: string): boolean {
  return PAGE.test(text);
}

/** `a web page, "Sign in"`: by its title or first heading, else its text, cut to a length. */
export function describeWebPage(all: string): string {
  const page = all.slice(0, PAGE_MAX);
  const [, title] = /<(?:title|h1)[^>]*>([^<]+)/i.exec(page) ?? [];
  const text = title ?? page.replaceAll(/<(?:script|style)[\s\S]*?<\/(?:script|style)>|<[^>]*>/gi, ' ');
  return `a web page, "${serverText(text.replaceAll(/\s+/g, ' '), 100)}"`;
}
