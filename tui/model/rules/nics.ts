import { count } from '../../../model/format.ts';
import { finding, type Rule, tune } from './rule.ts';

export const nicDrops: Rule = (vm, host) =>
  [...(vm.rates?.nets ?? [])].flatMap(([nic, rates]) => {
    const drops = (rates.rxDrops ?? 0) + (rates.txDrops ?? 0);
    const packets = (rates.rxPackets ?? 0) + (rates.txPackets ?? 0);
    return drops > 0.01 * packets && drops > 1
      ? [
          finding(
            'nic-drops',
            'warn',
            `${nic} drops packets`,
            `${count(drops)} of ${count(packets)} packets/s`,
            tune(vm, host, 'network'),
          ),
        ]
      : [];
  });

export const nicModel: Rule = (vm, host) =>
  (vm.facts?.interfaces ?? []).flatMap(({ name, model }) => {
    if (model === undefined || model.startsWith('virtio') || name === undefined) return [];
    const rates = vm.rates?.nets.get(name);
    const packets = (rates?.rxPackets ?? 0) + (rates?.txPackets ?? 0);
    return packets < 1_000
      ? []
      : [
          finding(
            'nic-emulated',
            'info',
            `${name} is an emulated ${model} with high traffic`,
            `${count(packets)} packets/s`,
            tune(vm, host, 'network'),
          ),
        ];
  });
