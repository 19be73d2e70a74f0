import { ErrorCode, ErrorDomain, GuestInfoType } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import type { LibvirtFeature } from '../../model/libvirt-features.ts';
import { CallFailure } from '../call-failure.ts';
import { knows } from '../release.ts';
import type { SimulatedVm } from '../vm.ts';
import { find, type Handlers, invalid, requireActive } from './context.ts';

const string = (field: string, value: string): TypedParam => ({ field, type: ParamType.string, value });
const uint = (field: string, value: number): TypedParam => ({ field, type: ParamType.uint, value });
const ullong = (field: string, value: number): TypedParam => ({
  field,
  type: ParamType.ullong,
  value: Math.round(value),
});

/** What libvirt can query from an agent, and the simulated answers. */
const ANSWERS: readonly (readonly [
  type: number,
  answer: (vm: SimulatedVm) => TypedParam[],
  since?: LibvirtFeature,
])[] = [
  [GuestInfoType.users, () => [uint('user.count', 0)]],
  [
    GuestInfoType.os,
    () => [
      string('os.id', 'debian'),
      string('os.pretty-name', 'Debian GNU/Linux 12 (bookworm)'),
      string('os.version-id', '12'),
      string('os.machine', 'x86_64'),
      string('os.kernel-release', '6.1.0-28-amd64'),
    ],
  ],
  [GuestInfoType.timezone, () => [string('timezone.name', 'UTC')]],
  [GuestInfoType.hostname, (vm) => [string('hostname', vm.spec.name)]],
  [GuestInfoType.filesystem, filesystems],
  [GuestInfoType.disks, () => []],
  [GuestInfoType.interfaces, () => []],
  [GuestInfoType.load, load, 'guestLoad'],
  [GuestInfoType.devices, () => [], 'guestDevices'],
];

/** Guest agents of simulated guests. */
export const agentHandlers: Handlers = {
  domainGetGuestInfo(context, { domain, types }) {
    const answers = ANSWERS.filter(([, , since]) => knows(context.host.release, since));
    const known = answers.reduce((mask, [type]) => mask | type, 0);
    const unknown = (types & ~known) >>> 0;
    if (unknown !== 0) throw invalid(`unsupported guest information types '0x${unknown.toString(16)}'`);
    const vm = find(context, domain);
    requireActive(vm);
    if (!vm.spec.agent) {
      throw new CallFailure(
        ErrorCode.argumentUnsupported,
        'argument unsupported: QEMU guest agent is not configured',
        ErrorDomain.qemu,
      );
    }
    const asked = answers.filter(([type]) => types === 0 || (types & type) !== 0);
    return { params: asked.flatMap(([, answer]) => answer(vm)) };
  },
};

/** Load average: half the number of vCPUs, scaled up by their run queue delay relative to their CPU time. */
function load(vm: SimulatedVm): TypedParam[] {
  const busy = vm.vcpus.reduce((sum, { timeNs }) => sum + timeNs, 0);
  const waited = vm.vcpus.reduce((sum, { delayNs }) => sum + delayNs, 0);
  const value = busy === 0 ? 0 : Math.round((1 + waited / busy) * vm.vcpus.length * 50) / 100;
  return ['1m', '5m', '15m'].map((span) => ({ field: `load.${span}`, type: ParamType.double, value }));
}

function filesystems(vm: SimulatedVm): TypedParam[] {
  return [
    uint('fs.count', vm.spec.disks.length),
    ...vm.spec.disks.flatMap(({ target, sizeGiB }, index) => {
      const bytes = sizeGiB * 2 ** 30;
      return [
        string(`fs.${index}.name`, `${target}1`),
        string(`fs.${index}.mountpoint`, index === 0 ? '/' : `/data${index}`),
        string(`fs.${index}.fstype`, 'ext4'),
        ullong(`fs.${index}.total-bytes`, bytes * 0.97),
        ullong(`fs.${index}.used-bytes`, bytes * 0.6),
        uint(`fs.${index}.disk.count`, 1),
        string(`fs.${index}.disk.0.alias`, target),
        string(`fs.${index}.disk.0.device`, `/dev/${target}1`),
      ];
    }),
  ];
}
