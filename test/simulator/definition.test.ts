import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { DEFAULT_RELEASE } from '../../simulator/release.ts';
import { checkScenario, type ScenarioInput } from '../../simulator/scenario.ts';
import { scenarios } from '../../simulator/scenarios/all.ts';
import { factsOfXml } from '../../simulator/vm-facts.ts';
import { normalise } from '../../simulator/xml/definition.ts';
import { formatDomain } from '../../simulator/xml/format.ts';
import { started } from '../../simulator/xml/live.ts';

const define = (xml: string, validate = false): string =>
  formatDomain(
    normalise(xml, {
      release: DEFAULT_RELEASE,
      validate,
      newUuid: () => '2b3da3bd-c3ce-476c-beb3-d855ce9f34ac',
    }),
  );

describe.each(Object.keys(scenarios))('the VMs of scenario %s', (name) => {
  const { vms } = new SimulatedHost(findScenario(name));

  test('are described as libvirt would have stored them: defining them again changes no byte', () => {
    for (const vm of vms) {
      const xml = vm.xml({ inactive: true, secure: true });
      expect(define(xml, true)).toBe(xml);
    }
  });

  test('run as their definitions say', () => {
    for (const vm of vms.filter(({ active }) => active)) {
      const definition = vm.definition?.xml ?? '';
      expect(vm.live?.xml).toBe(started(definition, { id: vm.id, nicName: vm.nicName }));
    }
  });

  test('are to the simulated world what their XML says', () => {
    for (const vm of vms) {
      expect(factsOfXml(vm.definition?.xml ?? '', vm.spec)).toEqual(vm.definition?.facts);
      if (vm.live !== undefined) expect(factsOfXml(vm.live.xml, vm.spec)).toEqual(vm.live.facts);
    }
  });
});

type VmInput = ScenarioInput['vms'][number];

/** Any VM that a scenario may describe, with hostile names. */
const anyVm = fc.record<VmInput>({
  name: fc
    .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
    .map((text) => `x${text.replaceAll(/[^ -~]/g, '')}`),
  workload: fc.constantFrom('oltp', 'windows', 'idle'),
  vcpus: fc.integer({ min: 1, max: 8 }),
  memoryMiB: fc.integer({ min: 16, max: 4_096 }),
  ioThreads: fc.integer({ min: 0, max: 2 }),
  nics: fc.integer({ min: 0, max: 2 }),
  nicModel: fc.constantFrom('virtio', 'e1000e', 'rtl8139'),
  balloonPeriodSeconds: fc.integer({ min: 0, max: 9 }),
  project: fc.constantFrom('plain', 'a <b> & "c" \'d\''),
  disks: fc.constantFrom(
    [],
    [{ target: 'vda', sizeGiB: 1, cache: 'none', io: 'native' }],
    [
      { target: 'vda', sizeGiB: 1 },
      { target: 'vdb', sizeGiB: 2, format: 'raw', discard: 'unmap' },
      { target: 'sda', sizeGiB: 2, cache: 'writethrough' },
    ],
  ),
  pins: fc.constantFrom([], ['0', '1-2,4']),
  tpm: fc.boolean(),
  sharedMemory: fc.boolean(),
  virtioMem: fc.constantFrom(undefined, { sizeMiB: 8, requestedMiB: 0 }, { sizeMiB: 8, requestedMiB: 8 }),
});

test('whatever VM a scenario describes, its definition is as libvirt would have stored it', () => {
  fc.assert(
    fc.property(anyVm, (vm) => {
      const pins = vm.pins?.slice(0, vm.vcpus);
      const host = new SimulatedHost(
        checkScenario({ name: 'x', description: '', vms: [{ ...vm, pins }] }, 'x'),
      );
      const xml = host.vms[0]?.xml({ inactive: true, secure: true }) ?? '';
      expect(define(xml, true)).toBe(xml);
    }),
    { numRuns: 60 },
  );
});

/** Parts of a definition in random order and different units. */
const anyPart = fc.constantFrom(
  "<cputune><quota>-1</quota><vcpupin cpuset='3,1,2' vcpu='1'/><vcpupin vcpu='0' cpuset='0'/></cputune>",
  "<iothreadids><iothread id='4'/></iothreadids>",
  '<iothreads>3</iothreads>',
  "<memoryBacking><locked/><hugepages><page unit='MiB' size='2'/></hugepages></memoryBacking>",
  "<numatune><memory nodeset='1,0'/></numatune>",
  "<currentMemory unit='MiB'>32</currentMemory>",
  "<memtune><soft_limit unit='MiB'>200</soft_limit></memtune>",
  "<cpu mode='host-model'/>",
  "<cpu><numa><cell cpus='0' memory='64' unit='MiB'/></numa></cpu>",
  "<features><kvm><hint-dedicated state='on'/></kvm><acpi/></features>",
  "<clock><timer name='hpet' present='no'/></clock>",
  '<metadata><a:b xmlns:a="urn:a">text <i/> more</a:b></metadata>',
  '<description>two\nlines &amp; more</description>',
  '<unknown><thing/></unknown>',
);

test('defining twice is defining once, in whatever order a client writes', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyPart, { maxLength: 14, selector: (part) => /^<(\w+)/.exec(part)?.[1] }),
      (parts) => {
        const once = define(
          `<domain type='kvm'>${parts.join('')}<vcpu>2</vcpu><devices><disk type='file'><driver queues='2'/><target dev='vdb'/><source file='/a'/></disk></devices><os><type>hvm</type></os><memory unit='MiB'>64</memory><name>x</name></domain>`,
        );
        expect(define(once)).toBe(once);
      },
    ),
    { numRuns: 100 },
  );
});
