import { DomainState, PausedReason } from '../../../libvirt/constants.ts';
import { percent } from '../../columns/format.ts';
import { stealShare } from '../vm.ts';
import { finding, nameFor, type Rule, tune, virsh } from './rule.ts';

const STEAL_BAD = 0.1;

/** VMware's ready time: 5 % is significant, 10 % is bad. */
const STEAL_WARN = 0.05;

export const stuck: Rule = (vm, host) => {
  const { outcome, extras } = vm.sample;
  if (outcome.kind !== 'unresponsive') return [];
  const seconds = Math.round((host.atMs - outcome.sinceMs) / 1_000);
  const control = extras?.control;
  return [
    {
      rule: 'stuck',
      severity: 'bad',
      text: 'its QEMU does not answer libvirt; figures of its inside are missing',
      evidence: `for ${Math.max(0, seconds)} s${control === undefined ? '' : `, libvirt says ${control.state}`}`,
      command: virsh(host, 'domcontrol', nameFor(vm)),
    },
  ];
};

export const stopped: Rule = (vm, host) => {
  const { state, reason } = vm.sample.summary;
  if (state === DomainState.crashed) {
    return [
      finding('crashed', 'bad', 'the VM crashed', 'state crashed', virsh(host, 'dominfo', nameFor(vm))),
    ];
  }
  if (state !== DomainState.paused || reason !== PausedReason.ioError) return [];
  return [
    finding(
      'paused-io-error',
      'bad',
      'paused because a disk answered with an error; mend the storage, then resume',
      'state paused, reason I/O error',
      virsh(host, 'domblkerror', nameFor(vm)),
    ),
  ];
};

export const steal: Rule = (vm, host) => {
  const share = stealShare(vm);
  if (share === undefined || share < STEAL_WARN) return [];
  return [
    finding(
      'steal',
      share >= STEAL_BAD ? 'bad' : 'warn',
      'its vCPUs wait for CPUs of the host; n shows who ran there meanwhile',
      `steal ${percent(share * 100)} %`,
      tune(vm, host, 'low-latency'),
    ),
  ];
};
