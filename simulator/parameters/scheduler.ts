import { ErrorCode } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { child, text } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { ensure, remove, setText } from '../xml/edit.ts';
import { type Field, type Group, invalidArgument } from './group.ts';

const PERIOD_US = [1_000, 1_000_000] as const;
const QUOTA_US = [1_000, 17_592_186_044_415] as const;
/** Range in cgroup v1, which the simulated host uses. */
const SHARES = [2, 262_144] as const;

const KINDS = [
  ['vcpu', ''],
  ['emulator', 'emulator_'],
  ['global', 'global_'],
  ['iothread', 'iothread_'],
] as const;

function field(name: string, element: string, type: ParamType, live: number): Field {
  return {
    field: name,
    type,
    unset: { live, config: 0 },
    read: (domain) => {
      const said = text(child(domain, 'cputune', element));
      return said === undefined ? undefined : Number(said);
    },
    write: (domain, _, value) => {
      // 0 is the default of a definition without the element, except for shares, which are stored as given.
      if (Number(value) === 0 && element !== 'shares') remove(child(domain, 'cputune', element));
      else setText(ensure(domain, 'cputune', element), String(value));
    },
  };
}

/** virsh schedinfo */
export const scheduler: Group = {
  fields: [
    field('cpu_shares', 'shares', ParamType.ullong, 1_024),
    ...KINDS.flatMap(([kind, prefix]) => [
      field(`${kind}_period`, `${prefix}period`, ParamType.ullong, 100_000),
      field(`${kind}_quota`, `${prefix}quota`, ParamType.llong, -1),
    ]),
  ],
  check: (_domain, _target, params, live) => {
    for (const param of params) checkOne(param, live);
  },
};

function checkOne({ field: name, value }: TypedParam, live: boolean): void {
  const given = Number(value);
  if (name === 'cpu_shares') {
    // A definition accepts any value, but its start will not.
    if (live && (given < SHARES[0] || given > SHARES[1])) {
      throw new CallFailure(
        ErrorCode.invalidArg,
        `invalid argument: shares '${value}' must be in range [${SHARES.join(', ')}]`,
        54,
      );
    }
    return;
  }
  const range = name.endsWith('_period') ? PERIOD_US : QUOTA_US;
  if (given === 0 || (range === QUOTA_US && given < 0)) return;
  if (given < range[0] || given > range[1])
    throw invalidArgument(`value of '${name}' is out of range [${range.join(', ')}]`);
}
