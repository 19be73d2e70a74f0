import { RE2JS } from 're2js';

/**
 * Why Prometheus would reject the regular expression of a matcher, or why it would match nothing; undefined when valid.
 * Prometheus uses RE2, which differs from JavaScript's: no lookaround and no backreferences, but `(?i)`.
 */
export function regexFault(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty, which matches only series without this label';
  if (!text.isWellFormed()) return 'it is not valid Unicode';
  try {
    RE2JS.compile(text);
    // Anchored, as in Prometheus.
    RE2JS.compile(`^(?s:${text})$`);
    return undefined;
  } catch (error) {
    return `${(error as Error).message.replace(/^error parsing regexp: /, '')}; Prometheus has RE2 syntax, without lookaround and backreferences`;
  }
}
