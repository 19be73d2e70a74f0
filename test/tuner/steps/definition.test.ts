import { expect, test } from 'vitest';
import { RemoteError } from '../../../libvirt/errors.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { liveSettingOf } from '../../../tuner/steps/live-settings/all.ts';
import { notTaken } from '../../../tuner/steps/meaning.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { stepHost } from './step-host.ts';

const domain = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const xml = (inner: string, vcpus = 2): string => `<domain type='kvm'>
  <name>db01</name>
  <memory unit='KiB'>1048576</memory>
  <vcpu placement='static'>${vcpus}</vcpu>
  ${inner}
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none'/>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
`;

const step = (to: string): Step => ({ kind: 'definition', domain, to });
const liveSetting = liveSettingOf(step(''));
const state = (text: string) => ({ xml: text, alike: 'letter' });

test('the form in which libvirt stores a requested definition counts as the requested one', () => {
  const wanted = liveSetting.target(
    step(xml("<cputune><vcpupin vcpu='0' cpuset='0,1,2,3'/></cputune>")),
    state(''),
  );
  const rewritten = xml("<cputune>\n    <vcpupin vcpu='0' cpuset='0-3'/>\n  </cputune>\n  <resource/>");
  expect(liveSetting.differs(state(rewritten), wanted)).toBeUndefined();
});

test('what libvirt did not take is named', () => {
  const wanted = liveSetting.target(
    step(xml("<cputune><vcpupin vcpu='0' cpuset='0-3'/></cputune>")),
    state(''),
  );
  expect(liveSetting.differs(state(xml('')), wanted)).toBe('vcpupin of 0 is not set, not 0-3');
});

test('a restored definition is exact; only space between elements may differ', () => {
  const was = state(xml('<iothreads>1</iothreads>'));
  expect(liveSetting.differs(was, was)).toBeUndefined();
  expect(liveSetting.differs(state(was.xml.replaceAll('  <', '\t<')), was)).toBeUndefined();
  expect(liveSetting.differs(state(xml('<iothreads>2</iothreads>')), was)).toBe(
    'the definition has "<iothreads>2</iothreads>" instead of "<iothreads>1</iothreads>"',
  );
  expect(liveSetting.differs(state(xml('')), was)).toContain('<iothreads>1</iothreads>');
});

test("the order of controllers is libvirt's choice and not a difference; their attributes are", () => {
  const serial = "<controller type='virtio-serial' index='0'>\n  <address type='pci'/>\n</controller>";
  const [root, port] = ["<controller type='pci' index='0'/>", "<controller type='pci' index='1'/>"];
  const was = state(xml([root, serial, port].join('\n')));
  expect(liveSetting.differs(state(xml([root, port, serial].join('\n'))), was)).toBeUndefined();
  expect(liveSetting.differs(state(xml([root, serial].join('\n'))), was)).toContain("index='1'");
});

test('what is new is validated; what libvirt gave out itself may be older than its schema', async () => {
  const flags: number[] = [];
  const host = stepHost({
    domainGetState: () => ({ state: 1, reason: 1 }),
    domainDefineXmlFlags: (args) => {
      flags.push(args.flags);
      return { domain: { ...domain, id: -1 } };
    },
  });
  await liveSetting.set(host, step(xml('')), liveSetting.target(step(xml('')), state('')));
  await liveSetting.set(host, step(xml('')), state(xml('')));
  expect(flags).toEqual([1, 0]);
});

/** Defines a domain that has just disappeared; `refuse` is libvirt's reply to undefining it again. */
async function defineGone(text: string, refuse?: Error): Promise<{ error: unknown; calls: string[] }> {
  const calls: string[] = [];
  let isThere = true;
  const host = stepHost({
    domainGetState: () => (isThere ? { state: 1, reason: 1 } : { state: 5, reason: 0 }),
    domainDefineXmlFlags: () => {
      isThere = false;
      return { domain: { ...domain, id: -1 } };
    },
    domainUndefineFlags: (args) => {
      calls.push(`undefine ${args.domain.uuid} ${args.flags}`);
      if (refuse !== undefined) throw refuse;
    },
  });
  const error: unknown = await liveSetting.set(host, step(text), state(text)).catch((caught) => caught);
  return { error, calls };
}
const WITH_TPM = xml('').replace(
  '<devices>',
  "<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
);

test('a domain that left just before it is defined is not created again: it may run on another host', async () => {
  const { error, calls } = await defineGone(xml(''));
  expect(error).toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringContaining('"db01" left this host while it was being defined: it was undefined'),
  });
  expect(calls).toEqual([`undefine ${domain.uuid} 8`]);
});

test('a domain that is undefined again keeps the state of its TPM, or stays where libvirt cannot keep it', async () => {
  expect((await defineGone(WITH_TPM)).calls).toEqual([`undefine ${domain.uuid} 72`]);
  const refused = new RemoteError('domainUndefineFlags', 8, 10, 'unsupported flags (0x40)');
  const { error, calls } = await defineGone(WITH_TPM, refused);
  expect(error).toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(
      /undefining it again failed: .*\(0x40\).*; do not start it here .*remove <tpm>/,
    ),
  });
  expect(calls).toHaveLength(1);
  expect((await defineGone(xml(''), refused)).error).toMatchObject({
    code: 'TUNE_CHANGED',
    message: expect.stringMatching(/while it may run on another host, and undefine it$/),
  });
});

test('a domain that never ran is defined as well', async () => {
  let defined = 0;
  const host = stepHost({
    domainGetState: () => ({ state: 5, reason: 0 }),
    domainDefineXmlFlags: () => {
      defined++;
      return { domain: { ...domain, id: -1 } };
    },
  });
  await liveSetting.set(host, step(xml('')), state(xml('')));
  expect(defined).toBe(1);
});

test('a transient domain has no definition, and gets none', async () => {
  const host = stepHost({ domainIsPersistent: () => ({ persistent: false }) });
  const none = await liveSetting.get(host, step(xml('')));
  expect(liveSetting.differs(none, liveSetting.target(step(xml('')), none))).toBe(
    'the domain has no definition',
  );
  await expect(liveSetting.set(host, step(xml('')), none)).rejects.toMatchObject({ code: 'TUNE_DOMAIN' });
});

test('a pin to all CPUs, which libvirt keeps once a pin was set, equals no pin', () => {
  const defined = xml('');
  const pinned = { inactive: xml("<cputune><vcpupin vcpu='1' cpuset='3'/></cputune>") };
  const everywhere = xml("<cputune><vcpupin vcpu='1' cpuset='0-7'/></cputune>");
  expect(notTaken(everywhere, defined, pinned, CpuSet.parse('0-7'))).toEqual([]);
  expect(notTaken(everywhere, defined, pinned, CpuSet.parse('0-15'))).toEqual([
    'vcpupin of 1 is 0-7, not unset',
  ]);
});

test('a restarted domain has to run with its changed definition', () => {
  const before = xml('');
  const after = xml("<cputune><shares>2048</shares><vcpupin vcpu='1' cpuset='3'/></cputune>");
  expect(notTaken(after, after, { live: before, inactive: before }, undefined)).toEqual([]);
  const half = xml('<cputune><shares>2048</shares></cputune>');
  expect(notTaken(half, after, { live: before, inactive: before }, undefined)).toEqual([
    'vcpupin of 1 is not set, not 3',
  ]);
  // A setting outside the change says nothing about this restart, whatever its value in the running domain.
  const other = after.replace("cache='none'", "cache='writeback'");
  expect(notTaken(other, after, { live: before, inactive: before }, undefined)).toEqual([]);
});
