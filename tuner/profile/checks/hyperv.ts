import { hypervPassthrough } from '../../settings/hyperv.ts';
import { hypervOffer } from '../hyperv-offer.ts';
import { type Check, check } from './check.ts';

/** What each feature depends on: QEMU's docs/system/i386/hyperv.rst, "Requires". */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'hyperv.synic': ['hyperv.vpindex'],
  'hyperv.stimer': ['hyperv.vpindex', 'hyperv.synic', 'timer.hypervclock'],
  'hyperv.stimer.direct': ['hyperv.stimer'],
  'hyperv.tlbflush': ['hyperv.vpindex'],
  'hyperv.ipi': ['hyperv.vpindex'],
  'hyperv.evmcs': ['hyperv.vapic'],
};

const isOn = (value: string | undefined): boolean => value !== undefined && value !== 'off' && value !== 'no';

export const hypervChecks: readonly Check[] = [
  {
    of: /^hyperv\./,
    find: (_, { root }) =>
      hypervPassthrough(root)
        ? {
            code: 'HYPERV_PASSTHROUGH',
            text: 'the domain uses all enlightenments (hyperv mode=passthrough), so single ones cannot be set',
            next: "remove mode='passthrough' first",
          }
        : undefined,
  },
  check(/^hyperv\./, (value, { setting }, { host, state, facts }) => {
    const [, feature = ''] = setting.id.split('.');
    const offer = hypervOffer(host, state);
    const missing = offer === undefined ? facts.type !== 'kvm' : !offer.has(feature);
    return isOn(value) && missing
      ? {
          code: 'HYPERV_UNSUPPORTED',
          text: `this host does not support ${feature} for this domain (virsh domcapabilities)`,
        }
      : undefined;
  }),
  check(/^hyperv\./, (value, { setting }, { will }) => {
    const missing = isOn(value) ? NEEDS[setting.id]?.filter((need) => !isOn(will(need))) : undefined;
    return missing === undefined || missing.length === 0
      ? undefined
      : {
          code: 'HYPERV_NEEDS',
          text: `${setting.id} depends on ${missing.join(' and ')}, which will be off`,
        };
  }),
  {
    // A feature that stays on may depend on the one removed; features set by a wish are checked separately.
    of: /^(hyperv\.|timer\.hypervclock$)/,
    find: ({ value, setting }, { will, wished }) => {
      if (isOn(value)) return undefined;
      const users = Object.keys(NEEDS).filter(
        (user) => NEEDS[user]?.includes(setting.id) === true && !wished(user) && isOn(will(user)),
      );
      return users.length === 0
        ? undefined
        : {
            code: 'HYPERV_NEEDED',
            text: `${users.join(', ')} will be on and depends on ${setting.id}`,
          };
    },
  },
];
