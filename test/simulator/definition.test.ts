import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { scenarios } from '../../simulator/scenarios/all.ts';
import { factsOfXml } from '../../simulator/vm-facts.ts';
import { normalise } from '../../simulator/xml/definition.ts';
import { formatDomain } from '../../simulator/xml/format.ts';
import { started } from '../../simulator/xml/live.ts';

const UUID = '2b3da3bd-c3ce-476c-beb3-d855ce9f34ac';
const define = (xml: string, validate = false): string =>
  formatDomain(normalise(xml, { validate, newUuid: () => UUID }));
const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures', name), 'utf8');

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
