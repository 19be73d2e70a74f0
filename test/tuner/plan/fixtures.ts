import { parseDomain } from '../../../model/domain/domain.ts';
import { attr, child, parseXml } from '../../../model/xml.ts';
import type { DomainState, DomainView } from '../../../tuner/facts/facts.ts';
import type { Setting, Wish } from '../../../tuner/settings/setting.ts';

export function view(xml: string): DomainView {
  return { xml, root: parseXml('the test', xml, 'domain'), facts: parseDomain(xml) };
}

export const XML = `<domain type='kvm'>
  <name>db01</name>
  <uuid>11111111-2222-4333-8444-555555555555</uuid>
  <memory unit='KiB'>1048576</memory>
  <vcpu placement='static'>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
  </os>
  <devices>
    <graphics type='vnc' passwd='s3cret'/>
  </devices>
</domain>
`;

export function state(parts: { live?: string | undefined; inactive?: string | undefined }): DomainState {
  return {
    domain: {
      name: 'db01',
      uuid: '11111111-2222-4333-8444-555555555555',
      id: parts.live === undefined ? -1 : 3,
    },
    live: parts.live === undefined ? undefined : view(parts.live),
    inactive: parts.inactive === undefined ? undefined : view(parts.inactive),
    capabilities: undefined,
  };
}

/** A setting for an attribute of <vcpu>, complete enough to be judged. */
export function attributeSetting(id: string, options: Partial<Setting> = {}): Setting {
  return {
    id,
    title: id,
    on: 'domain',
    read: (domain) => attr(child(domain, 'vcpu'), id),
    write: (domain, _target, value) => {
      const vcpu = child(domain, 'vcpu');
      if (value === undefined) vcpu?.removeAttribute(id);
      else vcpu?.setAttribute(id, value);
    },
    ...options,
  };
}

export function wish(setting: Setting, value: string | undefined, more: Partial<Wish> = {}): Wish {
  return {
    setting,
    target: '',
    value,
    knob: `knob.${setting.id}`,
    why: 'it helps',
    source: 'a test',
    ...more,
  };
}
