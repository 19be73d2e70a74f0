/** The sample suffixes that a type may have in OpenMetrics 1.0 (section "Metric Types"); `''` is the bare name. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
};

interface Family {
  readonly type: string;
  readonly samples: readonly string[];
}

/**
 * Metric families of a scrape by name, parsed strictly: HELP and TYPE once each and before the samples, samples of one
 * family together, no sample name in two families, OpenMetrics with its suffixes and one EOF at the end.
 * @throws Error that quotes the first offending line
 */
export function parseFamilies(text: string, format: 'text' | 'openMetrics'): ReadonlyMap<string, Family> {
  const open = format === 'openMetrics';
  const families = new Map<string, { type: string; samples: string[] }>();
  const owners = new Map<string, string>();
  const lines = text.split('\n').filter((line) => line !== '');
  if (open && (lines.pop() !== '# EOF' || lines.includes('# EOF')))
    throw new Error('# EOF is not the last line, once');
  let current = '';
  for (const line of lines) {
    const meta = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (meta !== null) {
      const [, what, name = '', rest = ''] = meta;
      if (name !== current && families.has(name)) throw new Error(`a second family of one name: ${line}`);
      if (name === current && what === 'HELP') throw new Error(`a second HELP: ${line}`);
      current = name;
      const known = families.get(name);
      families.set(name, {
        type: what === 'TYPE' ? rest : (known?.type ?? ''),
        samples: known?.samples ?? [],
      });
      continue;
    }
    const sample = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? '';
    const family = families.get(current);
    const suffixes = open
      ? SUFFIXES[family?.type ?? '']
      : family?.type === 'histogram'
        ? ['_bucket', '_count', '_sum']
        : family?.type === 'summary'
          ? ['', '_count', '_sum']
          : [''];
    if (!suffixes?.some((suffix) => sample === current + suffix))
      throw new Error(`a sample outside of its family ${current}: ${line}`);
    if ((owners.get(sample) ?? current) !== current)
      throw new Error(`a sample name in two families: ${line}`);
    owners.set(sample, current);
    family?.samples.push(sample);
  }
  return families;
}
