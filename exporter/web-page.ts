import type { IncomingHttpHeaders } from 'node:http';
import { serverText } from './server-text.ts';

/** Advice for when a proxy or login page answers instead of a server. @param name `the receiver` */
export function proxyAdvice(name: string): string {
  return `a proxy or a login page answers instead of ${name}: check the address, and let requests of virtune pass without a login`;
}

/** Origin of a redirect's target, without path and query, which may contain secrets. */
export function redirectTarget(location: IncomingHttpHeaders['location'] | string[]): string {
  return URL.parse(String(location ?? ''))?.origin ?? 'another address';
}

/** How proxy and login pages begin, some without a head. Not just any `<`: a server's error may begin with `<nil>`. */
const PAGE = /^\s*<(?:!--|(?:!doctype|\?xml|html|head|title|body|center|h\d|p|div)\b)/i;

/** The title is near the start; bounds the pattern search. */
const PAGE_MAX = 16_384;

/** Whether an answer is HTML or XML, which no API server sends. */
export function isWebPage(text: string): boolean {
  return PAGE.test(text);
}

/** `a web page, "Sign in"`: its title or first heading, else its text, truncated. */
export function describeWebPage(all: string): string {
  const page = all.slice(0, PAGE_MAX);
  const [, title] = /<(?:title|h1)[^>]*>([^<]+)/i.exec(page) ?? [];
  const text = title ?? page.replaceAll(/<(?:script|style)[\s\S]*?<\/(?:script|style)>|<[^>]*>/gi, ' ');
  return `a web page, "${serverText(text.replaceAll(/\s+/g, ' '), 100)}"`;
}
