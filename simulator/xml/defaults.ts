import { CpuSet } from '../../model/cpu-set.ts';
import {
  attr,
  child,
  children,
  type Element,
  elementKiB,
  sizeKiB,
  text,
  wholeNumber,
} from '../../model/xml.ts';
import { knows, type Release } from '../release.ts';
import { canonicalList, completeCpuTune, completeIoThreads, sortBy } from './cpu-tune.ts';
import { completeDevices } from './devices.ts';
import { add, defaultAttr, ensure, remove, setAttr, setText } from './edit.ts';
import { machineNamed } from './machines.ts';

export interface DefineOptions {
  readonly release: Release;
  /** VIR_DOMAIN_DEFINE_VALIDATE */
  readonly validate: boolean;
  readonly newUuid: () => string;
}

/**
 * Adds to a definition what libvirt fills in (qemuDomainDefPostParse and the parsers): units, sizes, ids and defaults.
 * Idempotent.
 */
export function complete(domain: Element, { release, newUuid }: DefineOptions): void {
  if (child(domain, 'uuid') === undefined) add(domain, 'uuid', {}, newUuid());
  if (child(domain, 'genid') !== undefined && !text(child(domain, 'genid')))
    setText(ensure(domain, 'genid'), newUuid());
  sizes(domain);
  vcpus(domain);
  completeIoThreads(domain);
  completeCpuTune(domain);
  numaTune(domain);
  for (const page of children(child(domain, 'memoryBacking', 'hugepages'), 'page')) {
    setAttr(page, 'size', sizeKiB(attr(page, 'size'), attr(page, 'unit')));
    setAttr(page, 'unit', 'KiB');
    canonicalList(page, 'nodeset');
  }
  system(domain, release);
  cpu(domain, release);
  clock(domain);
  labels(domain);
  completeDevices(domain, release);
}

/** Memory in KiB, including guest cells; the balloon never exceeds the total. */
function sizes(domain: Element): void {
  const vcpusMaximum = wholeNumber(text(child(domain, 'vcpu'))) ?? 1;
  const cells = children(child(domain, 'cpu', 'numa'), 'cell');
  cells.forEach((cell, id) => {
    defaultAttr(cell, 'id', id);
    setAttr(cell, 'memory', sizeKiB(attr(cell, 'memory'), attr(cell, 'unit')));
    setAttr(cell, 'unit', 'KiB');
    canonicalList(cell, 'cpus');
  });
  fillFirstCell(cells, vcpusMaximum);
  distances(cells);
  const inCells = cells.reduce((sum, cell) => sum + (wholeNumber(attr(cell, 'memory')) ?? 0), 0);
  const plugged = children(child(domain, 'devices'), 'memory').map((device) => child(device, 'target'));
  for (const target of plugged)
    for (const name of ['size', 'block', 'requested']) {
      const size = child(target, name);
      if (size !== undefined) inKiB(size, elementKiB(size));
    }
  const inDevices = plugged.reduce((sum, target) => sum + (elementKiB(child(target, 'size')) ?? 0), 0);
  const maximum = child(domain, 'maxMemory');
  if (maximum !== undefined) inKiB(maximum, elementKiB(maximum));
  const totalKiB = inCells > 0 ? inCells + inDevices : elementKiB(child(domain, 'memory'));
  inKiB(ensure(domain, 'memory'), totalKiB);
  const currentKiB = elementKiB(child(domain, 'currentMemory')) ?? totalKiB;
  inKiB(ensure(domain, 'currentMemory'), Math.min(currentKiB ?? 0, totalKiB ?? 0));
  for (const limit of children(child(domain, 'memtune'))) inKiB(limit, elementKiB(limit));
}

function inKiB(element: Element, kib: number | undefined): void {
  setAttr(element, 'unit', 'KiB');
  if (kib !== undefined) setText(element, Math.ceil(kib));
}

/** vCPUs that are in no guest cell go to the first (qemuDomainDefNumaCPUsRectify). */
function fillFirstCell(cells: readonly Element[], vcpusMaximum: number): void {
  const [first] = cells;
  if (first === undefined) return;
  const cpusOf = (cell: Element): CpuSet => CpuSet.parse(attr(cell, 'cpus') ?? '');
  const taken = cells.reduce((all, cell) => all.union(cpusOf(cell)), CpuSet.empty);
  const all = CpuSet.of(Array.from({ length: vcpusMaximum }, (_, id) => id));
  if (all.isSubsetOf(taken)) return;
  setAttr(first, 'cpus', cpusOf(first).union(all.difference(taken)).toString());
}

/** A given distance applies in both directions, and the distance of a cell to itself is 10. */
function distances(cells: readonly Element[]): void {
  const said = new Map<string, number>();
  cells.forEach((cell, from) => {
    for (const sibling of children(child(cell, 'distances'), 'sibling')) {
      const to = wholeNumber(attr(sibling, 'id'));
      const value = wholeNumber(attr(sibling, 'value'));
      if (to !== undefined && value !== undefined) said.set(`${from} ${to}`, value);
    }
  });
  if (said.size === 0) return;
  cells.forEach((cell, from) => {
    remove(child(cell, 'distances'));
    const element = add(cell, 'distances');
    cells.forEach((_, to) => {
      const value = said.get(`${from} ${to}`) ?? said.get(`${to} ${from}`) ?? (from === to ? 10 : 20);
      add(element, 'sibling', { id: to, value });
    });
  });
}

function vcpus(domain: Element): void {
  const vcpu = ensure(domain, 'vcpu');
  const maximum = wholeNumber(text(vcpu)) ?? 1;
  setText(vcpu, maximum);
  defaultAttr(vcpu, 'placement', 'static');
  canonicalList(vcpu, 'cpuset');
  if (wholeNumber(attr(vcpu, 'current')) === maximum) vcpu.removeAttribute('current');
}

function numaTune(domain: Element): void {
  const tune = child(domain, 'numatune');
  const memory = child(tune, 'memory');
  if (memory !== undefined) {
    defaultAttr(memory, 'mode', 'strict');
    canonicalList(memory, 'nodeset');
    // A nodeset implies static placement, which is not printed.
    if (attr(memory, 'nodeset') !== undefined) memory.removeAttribute('placement');
  }
  for (const node of children(tune, 'memnode')) {
    defaultAttr(node, 'mode', 'strict');
    canonicalList(node, 'nodeset');
  }
  if (tune !== undefined) sortBy(tune, 'memnode', (node) => wholeNumber(attr(node, 'cellid')) ?? 0);
}

/** Boot, machine type, and actions on poweroff, reboot and crash. */
function system(domain: Element, release: Release): void {
  const os = ensure(domain, 'os');
  const type = ensure(os, 'type');
  defaultAttr(type, 'arch', 'x86_64');
  setAttr(type, 'machine', machineNamed(release, attr(type, 'machine'))?.name ?? attr(type, 'machine'));
  const byDevice = children(child(domain, 'devices')).some((device) => child(device, 'boot') !== undefined);
  if (child(os, 'boot') === undefined && !byDevice) add(os, 'boot', { dev: 'hd' });
  const hyperv = child(domain, 'features', 'hyperv');
  if (hyperv !== undefined) defaultAttr(hyperv, 'mode', 'custom');
  for (const [name, action] of Object.entries({
    on_poweroff: 'destroy',
    on_reboot: 'restart',
    on_crash: 'destroy',
  })) {
    if (child(domain, name) === undefined) add(domain, name, {}, action);
  }
}

function cpu(domain: Element, release: Release): void {
  const element = ensure(domain, 'cpu');
  const kvm = attr(domain, 'type') === 'kvm';
  const model = child(element, 'model');
  const mode = attr(element, 'mode') ?? 'custom';
  setAttr(element, 'mode', mode);
  if (mode === 'custom') {
    const bare = model === undefined;
    const chosen = model ?? add(element, 'model', { fallback: 'forbid' }, 'qemu64');
    defaultAttr(chosen, 'fallback', 'allow');
    defaultAttr(element, 'match', 'exact');
    defaultAttr(element, 'check', bare || !kvm ? 'none' : 'partial');
  } else if (mode === 'host-model') defaultAttr(element, 'check', 'partial');
  else {
    defaultAttr(element, 'check', 'none');
    if (mode === 'host-passthrough') defaultAttr(element, 'migratable', 'on');
  }
  const topology = child(element, 'topology');
  if (topology !== undefined) defaultAttr(topology, 'dies', 1);
  if (topology !== undefined && knows(release, 'cpuClusters')) defaultAttr(topology, 'clusters', 1);
  for (const feature of children(element, 'feature')) defaultAttr(feature, 'policy', 'require');
}

function labels(domain: Element): void {
  for (const label of children(domain, 'seclabel')) {
    if (attr(label, 'type') === 'none') defaultAttr(label, 'model', 'none');
  }
}

function clock(domain: Element): void {
  defaultAttr(ensure(domain, 'clock'), 'offset', 'utc');
}
