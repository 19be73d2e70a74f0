import { z } from 'zod';
import { Impact, PARAM_STRING_OKAY } from '../../../libvirt/constants.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { parseCapabilities } from '../../../model/topology.ts';
import { handle } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import type { StepHost } from '../step-host.ts';
import { verifyCells } from '../verification/cgroup.ts';

const PARAMS_MAX = 16;
const FIELD = 'numa_nodeset';

/** A domain without a nodeset may use memory of every cell; an empty list is rejected. */
export const numaNodeset = liveSetting('numaNodeset', z.string(), {
  home: 'run',
  atomic: true,
  async get(host, { domain }) {
    const { params } = await host.call('domainGetNumaParameters', {
      domain: handle(domain),
      nparams: PARAMS_MAX,
      flags: Impact.live | PARAM_STRING_OKAY,
    });
    const said = String(params.find(({ field }) => field === FIELD)?.value ?? '');
    return said === '' ? allCells(host) : CpuSet.parse(said).toString();
  },
  async set(host, { domain }, to) {
    const params = [{ field: FIELD, type: ParamType.string, value: to }];
    await host.call('domainSetNumaParameters', { domain: handle(domain), params, flags: Impact.live });
  },
  differs: (is, wanted) => (sameCells(is, wanted) ? undefined : `its cells are ${is}, not ${wanted}`),
  verify: (host, { domain }, wanted) =>
    verifyCells(host, domain, (cells) => sameCells(cells, wanted), wanted),
});

function sameCells(is: string, wanted: string): boolean {
  return CpuSet.parse(is).equals(CpuSet.parse(wanted));
}

async function allCells(host: StepHost): Promise<string> {
  const { xml } = await host.call('connectGetCapabilities', undefined);
  return CpuSet.of(parseCapabilities(xml).cells.map(({ id }) => id)).toString();
}
