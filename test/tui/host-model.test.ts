import { expect, test } from 'vitest';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { findColumn, type Value } from '../../tui/columns/column.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import type { HostView } from '../../tui/model/host-view.ts';
import { hostSample, type VmSpec, viewAfter } from './scene-of.ts';

function figure(view: HostView, id: string, index = 0): Value | undefined {
  const vm = view.vms[index];
  return vm && findColumn(vmColumns, id)?.read(vm);
}

function why(view: HostView, id: string): string | undefined {
  const vm = view.vms[0];
  return vm && findColumn(vmColumns, id)?.why?.(vm);
}

const busy = (seconds: number): VmSpec => ({
  xml: "<devices><disk><target dev='vda'/></disk></devices>",
  cpuTimeNs: seconds * 1e9,
  figures: {
    'vcpu.0.time': seconds * 6e8,
    'vcpu.0.delay': seconds * 2e8,
    'vcpu.0.wait': seconds * 1e8,
    'block.0.name': 'vda',
    'block.0.rd.reqs': seconds * 100,
    'block.0.rd.times': seconds * 100 * 2e6,
    'block.0.rd.bytes': seconds * 4_096,
    'net.0.name': 'vnet0',
    'net.0.rx.bytes': seconds * 1_000,
  },
});

test('rates are what was added between two samples, per second', () => {
  const view = viewAfter([busy(10)], [busy(11)]);
  expect(figure(view, 'cpu_percent')).toBeCloseTo(100);
  // Steal is delay / wall time; contention is the share of demand that was not served, delay / (delay + run).
  expect(figure(view, 'steal_percent')).toBeCloseTo(20);
  expect(figure(view, 'contention_percent')).toBeCloseTo(25);
  expect(figure(view, 'wait_percent')).toBeCloseTo(10);
  expect(figure(view, 'iops')).toBe(100);
  expect(figure(view, 'latency')).toBeCloseTo(2);
  expect(figure(view, 'rx')).toBe(1_000);
});

test('steal is the mean over vCPUs of delay / wall time, whatever they run; a vCPU without a delay does not count', () => {
  const at = (seconds: number): VmSpec => ({
    figures: {
      'vcpu.0.time': seconds * 5e8,
      'vcpu.0.delay': seconds * 3e8,
      'vcpu.1.time': 0,
      'vcpu.1.delay': seconds * 1e8,
      'vcpu.2.time': seconds * 9e8,
    },
  });
  const view = viewAfter([at(10)], [at(11)]);
  expect(figure(view, 'steal')).toBeCloseTo(20);
  expect(figure(view, 'ready')).toBeCloseTo(20);
  expect(figure(view, 'contention')).toBeCloseTo((0.4 / 0.9) * 100);
});

test('advice stays for the time that is given, once it is complete, while VMs stay in their states', () => {
  const model = new HostModel({
    name: 'host',
    uri: 'qemu:///system',
    groups: DEFAULT_GROUPS,
    adviceMs: 2_900,
  });
  const adviceAt = (second: number, spec: Partial<VmSpec> = {}) =>
    model.ingest(hostSample(second * 1_000, [{ ...busy(10 + second), ...spec }])).advice;
  // Complete with the third sample that has rates.
  const first = [0, 1, 2, 3, 4].map((second) => adviceAt(second));
  expect(new Set(first.slice(0, 4)).size).toBe(4);
  expect(first[4]).toBe(first[3]);
  expect(adviceAt(5)).toBe(first[3]);
  const later = adviceAt(6);
  expect(later).not.toBe(first[3]);
  expect(adviceAt(7, { outcome: 'unresponsive' })).not.toBe(later);
});

test('the first sample has no rates and says so', () => {
  const view = viewAfter([busy(10)]);
  expect(figure(view, 'cpu_percent')).toBeUndefined();
  expect([why(view, 'cpu_percent'), why(view, 'steal'), why(view, 'read')]).toEqual([
    'first_sample',
    'first_sample',
    'first_sample',
  ]);
});

test('a VM that hangs keeps its CPU time, which libvirt reports without QEMU, and says why all else is missing', () => {
  const view = viewAfter([busy(10)], [{ ...busy(11), outcome: 'unresponsive' }]);
  expect(figure(view, 'state')).toBe('stuck');
  expect(figure(view, 'cpu_percent')).toBeCloseTo(100);
  expect(figure(view, 'steal')).toBeUndefined();
  expect([why(view, 'steal'), why(view, 'read'), why(view, 'rx')]).toEqual([
    'unresponsive',
    'unresponsive',
    // It has no interface at all, whether it answers or not.
    'none',
  ]);
});

test('after a gap the rate is over the time that passed, not over one delay', () => {
  const view = viewAfter([busy(10)], [{ ...busy(11), outcome: 'late' }], [busy(12)]);
  expect(figure(view, 'iops')).toBe(100);
});

test('a restart starts over: no rate spans it', () => {
  const view = viewAfter([busy(10)], [{ ...busy(1), id: 2 }]);
  expect(figure(view, 'cpu_percent')).toBeUndefined();
  expect(figure(view, 'iops')).toBeUndefined();
});

test('what is not reported is absent, with its reason, and never 0', () => {
  const balloon = '<memory>1024</memory><devices><memballoon model="virtio"/></devices>';
  expect(why(viewAfter([{ xml: balloon }]), 'memory')).toBe('no_stats_period');
  expect(why(viewAfter([{ xml: '<memory>1024</memory>' }]), 'memory')).toBe('no_balloon');
  expect(why(viewAfter([{ id: -1, state: 5 }]), 'cpu')).toBe('not_running');
  expect(
    why(viewAfter([{ figures: { 'vcpu.0.time': 1 } }], [{ figures: { 'vcpu.0.time': 2 } }]), 'steal'),
  ).toBe('not_reported');
  const denied = { kind: 'error', error: Object.assign(new Error('no'), { libvirtCode: 88 }) } as const;
  expect(why(viewAfter([{ more: { outcome: denied } }]), 'steal')).toBe('denied');
  expect(figure(viewAfter([{ xml: balloon }]), 'memory')).toBeUndefined();
});

test('while a host cannot be asked its last figures stay, with the time since when', () => {
  const model = new HostModel({ name: 'h', uri: 'u', groups: DEFAULT_GROUPS });
  model.ingest(hostSample(1_000, [busy(1)]));
  model.fail(new Error('gone'), 2_000);
  expect(model.fail(new Error('still gone'), 3_000)).toMatchObject({ down: { sinceMs: 2_000 } });
  expect(model.view.vms).toHaveLength(1);
  expect(model.ingest(hostSample(4_000, [busy(4)])).down).toBeUndefined();
});
