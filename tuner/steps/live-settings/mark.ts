import { XMLSerializer } from '@xmldom/xmldom';
import { z } from 'zod';
import { ErrorCode, Impact, MetadataType } from '../../../libvirt/constants.ts';
import { isRemoteError } from '../../../libvirt/errors.ts';
import { MARK_NAMESPACE } from '../../../model/domain/tuned-mark.ts';
import { parseXml } from '../../../model/xml.ts';
import { MARK_KEY } from '../../plan/mark.ts';
import { handle } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';

/**
 * The mark in the running domain. libvirt takes the element without its namespace, adds the namespace itself, and
 * removes it again on request (virXMLInjectNamespace, virXMLExtractNamespaceXML).
 */
export const mark = liveSetting('mark', z.string().nullable(), {
  home: 'run',
  async get(host, { domain }) {
    try {
      const { metadata } = await host.call('domainGetMetadata', {
        domain: handle(domain),
        type: MetadataType.element,
        uri: MARK_NAMESPACE,
        flags: Impact.live,
      });
      return bare(metadata);
    } catch (error) {
      if (isRemoteError(error, ErrorCode.noDomainMetadata)) return null;
      throw error;
    }
  },
  set: (host, { domain }, to) =>
    host.call('domainSetMetadata', {
      domain: handle(domain),
      type: MetadataType.element,
      metadata: to === null ? undefined : bare(to),
      key: MARK_KEY,
      uri: MARK_NAMESPACE,
      flags: Impact.live,
    }),
  differs(is, wanted) {
    const same = (is && bare(is)) === (wanted && bare(wanted));
    return same ? undefined : `it is ${is ?? 'absent'}, not ${wanted ?? 'absent'}`;
  },
});

/** The element and its attributes, without namespace and in a fixed order. */
function bare(xml: string): string {
  const root = parseXml(
    'the mark in the metadata',
    xml,
    xml.includes(`${MARK_KEY}:tuned`) ? `${MARK_KEY}:tuned` : 'tuned',
  );
  const element = root.ownerDocument?.createElement('tuned');
  if (element === undefined) return xml;
  const said = [...root.attributes].filter(({ name }) => !/^xmlns(:|$)/.test(name));
  for (const { name, value } of said.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    element.setAttribute(name, value);
  }
  return new XMLSerializer().serializeToString(element);
}
