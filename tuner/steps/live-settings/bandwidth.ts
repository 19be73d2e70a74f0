import { Impact, PARAM_STRING_OKAY } from '../../../libvirt/constants.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import { fromTyped, paramsDiffer, pick, stepParams, toTyped } from '../params.ts';

/** REMOTE_DOMAIN_INTERFACE_PARAMETERS_MAX */
const PARAMS_MAX = 16;

/** Bandwidth limits of a NIC, by its name on the host. An average of 0 removes a direction's limit. */
export const bandwidth = liveSetting('bandwidth', stepParams, {
  home: 'run',
  async get(host, { domain, device, to }) {
    const { params } = await host.call('domainGetInterfaceParameters', {
      domain: handle(domain),
      device,
      nparams: PARAMS_MAX,
      flags: Impact.live | PARAM_STRING_OKAY,
    });
    const of = `${JSON.stringify(device)} of domain ${quoted(domain)}`;
    return pick(params.map(fromTyped), to, of);
  },
  set: (host, { domain, device }, to) =>
    host.call('domainSetInterfaceParameters', {
      domain: handle(domain),
      device,
      params: to.map(toTyped),
      flags: Impact.live,
    }),
  differs: paramsDiffer,
});
