import { join } from 'node:path';
import { XMLSerializer } from '@xmldom/xmldom';
import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
import { parseXml } from '../../model/xml.ts';
import { corpus } from './corpus.ts';
import { seriesOf } from './series.ts';

/** With the serializer's kind of quotes: libvirt writes the other kind. */
const requoted = (xml: string): string =>
  xml.replaceAll(/<[^!][^>]*>/g, (tag) =>
    tag.replaceAll(/='([^']*)'/g, (_, value: string) => `="${value.replaceAll('"', '&quot;')}"`),
  );

test.each(corpus)('$kind: a definition that is read and written again has lost nothing', ({ xml }) => {
  const written = new XMLSerializer().serializeToString(parseXml('the corpus', xml, 'domain'));
  expect(`${written}\n`).toBe(requoted(xml));
});

test.each(corpus)('$kind: what its XML says is exported, and no secret of it', async ({ kind, xml }) => {
  const facts = parseDomain(xml);
  const series = [
    ...seriesOf('identity', { uuid: facts.uuid ?? '', facts }),
    ...seriesOf('facts', facts),
    ...facts.disks.flatMap((disk) => [`# ${disk.target}`, ...seriesOf('disk', disk)]),
    ...facts.interfaces.flatMap((nic) => [`# ${nic.name ?? nic.mac}`, ...seriesOf('nic', nic)]),
  ];
  expect(series.join('\n')).not.toContain('hidden');
  await expect(`${series.join('\n')}\n`).toMatchFileSnapshot(join('corpus', `${kind}.series`));
});
