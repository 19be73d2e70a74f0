import { expect, test } from 'vitest';
import { compileMetadata } from '../../model/domain/custom-metadata.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { limitedMetadata } from '../../sampler/limited-metadata.ts';

const limited = (labels: Record<string, string>) => limitedMetadata(compileMetadata(labels));

test.each([
  ['//a[not(following-sibling::a)]', '<a/>'.repeat(8_000)],
  ['//*[. = //a]', '<a>t</a>'.repeat(3_000)],
  ["//*[count(.//*) > 3][//*[contains(., 'x')]]", `${'<a>'.repeat(900)}x${'</a>'.repeat(900)}`],
])(
  '%s, which takes minutes on hostile metadata, is interrupted, and the XML says all else that it says',
  (expression, inside) => {
    const xml = `<domain><name>db</name><metadata><x>${inside}</x></metadata></domain>`;
    const facts = parseDomain(xml, 'x', limited({ slow: expression, name: 'name' }));
    expect([facts.name, facts.isMetadataSlow, facts.labels.size]).toEqual(['db', true, 0]);
    expect(parseDomain('<domain/>', 'x', limited({ slow: expression })).isMetadataSlow).toBeUndefined();
  },
  60_000,
);
