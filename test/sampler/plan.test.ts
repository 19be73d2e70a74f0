import { expect, test } from 'vitest';
import { StatsGroup } from '../../libvirt/constants.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { statsMask } from '../../sampler/plan.ts';

const BARE = parseDomain('<domain><vcpu>1</vcpu></domain>');
const RICH = parseDomain(
  "<domain><iothreads>1</iothreads><devices><memballoon model='virtio'><stats period='10'/></memballoon></devices></domain>",
);
const has = (mask: number, group: number): boolean => (mask & group) !== 0;

test('a VM is not asked for groups in which it has nothing to report', () => {
  const mask = statsMask(DEFAULT_GROUPS, BARE, { rss: true });
  expect(has(mask, StatsGroup.balloon)).toBe(false);
  expect(has(mask, StatsGroup.ioThread)).toBe(false);
  expect(has(mask, StatsGroup.vcpu) && has(mask, StatsGroup.block)).toBe(true);
});

test('one whose balloon reports and that has iothreads is asked for both', () => {
  const mask = statsMask(DEFAULT_GROUPS, RICH);
  expect(has(mask, StatsGroup.balloon)).toBe(true);
  expect(has(mask, StatsGroup.ioThread)).toBe(true);
});

test('while the XML is unknown, nothing is left out that is enabled', () => {
  const mask = statsMask(DEFAULT_GROUPS, undefined);
  expect(has(mask, StatsGroup.balloon) && has(mask, StatsGroup.ioThread)).toBe(true);
  expect(has(mask, StatsGroup.cpu)).toBe(false);
});

test("KVM's statistics of vCPUs come with the vCPU group, which is asked for their sake too", () => {
  const mask = statsMask(new Set(['kvm']), BARE);
  expect(has(mask, StatsGroup.vcpu) && has(mask, StatsGroup.vm)).toBe(true);
  expect(has(mask, StatsGroup.block)).toBe(false);
});

test('with every group off only the state is asked for', () => {
  expect(statsMask(new Set(), undefined)).toBe(StatsGroup.state);
});

test("figures of vCPUs from the host's kernel are not asked of QEMU, unless KVM's statistics are wanted", () => {
  expect(has(statsMask(DEFAULT_GROUPS, BARE, { vcpus: true }), StatsGroup.vcpu)).toBe(false);
  expect(has(statsMask(new Set(['vcpu', 'kvm']), BARE, { vcpus: true }), StatsGroup.vcpu)).toBe(true);
});

test('only a VM with resctrl monitors in its XML is asked for their figures', () => {
  const monitored = parseDomain(
    `<domain><cputune><cachetune vcpus='0'><monitor level='3' vcpus='0'/></cachetune>
     <memorytune vcpus='1'><node id='0' bandwidth='60'/></memorytune></cputune></domain>`,
  );
  const mask = statsMask(DEFAULT_GROUPS, monitored);
  expect([has(mask, StatsGroup.cpu), has(mask, StatsGroup.memory)]).toEqual([true, false]);
  const bare = statsMask(DEFAULT_GROUPS, BARE);
  expect([has(bare, StatsGroup.cpu), has(bare, StatsGroup.memory)]).toEqual([false, false]);
});

test('resident memory is asked of libvirt with the balloon group, where /proc does not have it', () => {
  expect(has(statsMask(DEFAULT_GROUPS, BARE), StatsGroup.balloon)).toBe(true);
  expect(has(statsMask(new Set(['balloon']), BARE), StatsGroup.balloon)).toBe(false);
});
