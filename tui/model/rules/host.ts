import { DomainState, PausedReason } from '../../../libvirt/constants.ts';
import { percent } from '../../../model/format.ts';
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
      text: 'QEMU does not answer libvirt; most figures are missing',
      evidence: `for ${Math.max(0, seconds)} s${control === undefined ? '' : `, libvirt says ${control.state}`}`,
      command: virsh(host, 'domcontrol', nameFor(vm)),
    },
  ];
};

export const stopped: Rule = (vm, host) => {
  const { state, reason } = vm.sample.summary;
  if (state === DomainState.crashed) {
    return [finding('crashed', 'bad', 'VM crashed', 'state crashed', virsh(host, 'dominfo', nameFor(vm)))];
  }
  if (state !== DomainState.paused || reason !== PausedReason.ioError) return [];
  return [
    finding(
      'paused-io-error',
      'bad',
      'paused by a disk I/O error; fix the storage, then resume',
      'state paused, reason I/O error',
      virsh(host, 'domblkerror', nameFor(vm)),
    ),
  ];
};

export const steal: Rule = (vm, host) => {
  const share = vm.total.steal;
  if (share === undefined || share < STEAL_WARN) return [];
  return [
    finding(
      'steal',
      share >= STEAL_BAD ? 'bad' : 'warn',
      'high CPU steal; n shows which VMs ran on its CPUs',
      `steal ${percent(share * 100)} %`,
      tune(vm, host, 'low-latency'),
    ),
  ];
};
