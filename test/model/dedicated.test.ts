import { expect, test } from 'vitest';
import { claimsOf } from '../../model/dedicated.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { parseCapabilities } from '../../model/topology.ts';

/** Two cells of four cores with two threads each: CPU n and n + 8 are siblings, 0-3 and 8-11 are cell 0. */
const topology = parseCapabilities(
  `<capabilities><host><topology><cells>${[0, 1]
    .map(
      (cell) =>
        `<cell id='${cell}'><cpus>${[0, 1, 2, 3]
          .flatMap((core) => [cell * 4 + core, cell * 4 + core + 8])
          .map(
            (id) =>
              `<cpu id='${id}' socket_id='${cell}' core_id='${id % 4}' siblings='${id % 8},${(id % 8) + 8}'/>`,
          )
          .join('')}</cpus></cell>`,
    )
    .join('')}</cells></topology></host></capabilities>`,
);

const claims = (vcpu: string, tune = ''): ReturnType<typeof claimsOf> =>
  claimsOf(parseDomain(`<domain>${vcpu}<cputune>${tune}</cputune></domain>`).cpu, topology);
const pins = (...cpusets: string[]): string =>
  cpusets.map((cpuset, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpuset}'/>`).join('');
const ranges = (found: ReturnType<typeof claimsOf>): string[] =>
  found.ranges.map(({ cpus, vcpus, narrow }) => `${vcpus} on ${cpus ?? 'any'}${narrow ? ', narrow' : ''}`);

test.each([
  ['a CPU for each vCPU', '<vcpu>2</vcpu>', pins('1', '2'), '1-2'],
  ['the threads of one core', '<vcpu>1</vcpu>', pins('1,9'), '1,9'],
  ['a set with no more CPUs than vCPUs', "<vcpu cpuset='0-2'>3</vcpu>", '', '0-2'],
])('vCPUs have %s dedicated', (_, vcpu, tune, taken) => {
  const found = claims(vcpu, tune);
  expect([found.vcpus.toString(), ranges(found)]).toEqual([taken, []]);
});

test.each([
  ['anywhere', '<vcpu>2</vcpu>', '', ['2 on any']],
  ['over a cell', "<vcpu cpuset='0-3,8-11'>2</vcpu>", '', ['2 on 0-3,8-11']],
  ['over more than a cell', "<vcpu cpuset='0-12'>2</vcpu>", '', ['2 on 0-12']],
  [
    'within less than a cell that has more room than they need',
    '<vcpu>2</vcpu>',
    pins('0-2', '0-2'),
    ['2 on 0-2, narrow'],
  ],
])('vCPUs that may run %s claim no CPU', (_, vcpu, tune, floating) => {
  const found = claims(vcpu, tune);
  expect([found.vcpus.size, ranges(found)]).toEqual([0, floating]);
});

test('of one domain, some vCPUs may have a CPU each and others float', () => {
  const found = claims('<vcpu>3</vcpu>', pins('5'));
  expect([found.vcpus.toString(), ranges(found)]).toEqual(['5', ['2 on any']]);
});

test("an emulator's and an iothread's CPUs are its own, but for those where its vCPUs run as well", () => {
  const helpers = (tune: string): string =>
    claims('<vcpu>2</vcpu>', `${pins('1', '2')}${tune}`).helpers.toString();
  expect(helpers("<emulatorpin cpuset='3'/><iothreadpin iothread='1' cpuset='11'/>")).toBe('3,11');
  expect(helpers("<emulatorpin cpuset='1-2'/>")).toBe('');
  expect(helpers("<emulatorpin cpuset='0-3,8-11'/>")).toBe('');
  const shared = claims("<vcpu cpuset='0-3,8'>2</vcpu>", "<emulatorpin cpuset='0-3,8'/>");
  expect(shared.helpers.size).toBe(0);
});

test('an emulator that is pinned to one CPU has that one, whether its vCPUs float or not', () => {
  expect(claims('<vcpu>2</vcpu>', "<emulatorpin cpuset='3'/>").helpers.toString()).toBe('3');
  expect(claims('<vcpu>2</vcpu>', "<emulatorpin cpuset='1-2'/>").helpers.toString()).toBe('');
});
