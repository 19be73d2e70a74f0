import { expect, test } from 'vitest';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { together } from '../../../tuner/plan/together.ts';
import type { Step, StepParam } from '../../../tuner/steps/step.ts';

const domain = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const limit = (field: string, value: string): StepParam => ({ field, type: ParamType.ullong, value });
const iotune = (disk: string, ...to: StepParam[]): Step => ({ kind: 'blockIoTune', domain, disk, to });

test('limits of one disk are set in one call, those of another disk in another', () => {
  const steps = together([
    iotune('vda', limit('total_iops_sec', '300')),
    { kind: 'emulatorPin', domain, to: '1' },
    iotune('vdb', limit('total_iops_sec', '5')),
    iotune('vda', limit('total_iops_sec_max', '400')),
  ]);
  expect(steps).toEqual([
    iotune('vda', limit('total_iops_sec', '300'), limit('total_iops_sec_max', '400')),
    { kind: 'emulatorPin', domain, to: '1' },
    iotune('vdb', limit('total_iops_sec', '5')),
  ]);
});

test('the later step has the last word on a parameter', () => {
  expect(
    together([
      iotune('vda', limit('read_iops_sec', '0'), limit('total_iops_sec', '9')),
      iotune('vda', limit('total_iops_sec', '0'), limit('read_iops_sec', '7')),
    ]),
  ).toEqual([iotune('vda', limit('read_iops_sec', '7'), limit('total_iops_sec', '0'))]);
});
