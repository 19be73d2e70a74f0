import { MEMORY_UNLIMITED_KIB } from '../../libvirt/constants.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import { CpuSet, CpuSetError } from '../../model/cpu-set.ts';
import { attr, child, text } from '../../model/xml.ts';
import { ensure, remove, setAttr, setText } from '../xml/edit.ts';
import { type Field, type Group, invalidArgument, notValid } from './group.ts';

function limit(field: string): Field {
  return {
    field,
    type: ParamType.ullong,
    unset: { live: MEMORY_UNLIMITED_KIB, config: MEMORY_UNLIMITED_KIB },
    read: (domain) => {
      const said = text(child(domain, 'memtune', field));
      return said === undefined ? undefined : Number(said);
    },
    write: (domain, _, value) => {
      if (Number(value) >= MEMORY_UNLIMITED_KIB) return remove(child(domain, 'memtune', field));
      const element = ensure(domain, 'memtune', field);
      setAttr(element, 'unit', 'KiB');
      setText(element, String(value));
    },
  };
}

/** virsh memtune */
export const memory: Group = {
  fields: ['hard_limit', 'soft_limit', 'swap_hard_limit'].map(limit),
  check: (domain, target, params) => {
    const value = (name: string): number => {
      const given = params.find(({ field }) => field === name)?.value;
      return Number(given ?? limit(name).read(domain, target) ?? MEMORY_UNLIMITED_KIB);
    };
    // Checked only when the call sets one of the two.
    if (!params.some(({ field }) => field.endsWith('hard_limit'))) return;
    if (value('hard_limit') > value('swap_hard_limit')) {
      throw invalidArgument(
        'memory hard_limit tunable value must be lower than or equal to swap_hard_limit',
        20,
      );
    }
  },
};

/** virDomainNumatuneMemMode */
const MODES = ['strict', 'preferred', 'interleave', 'restrictive'];

/** virsh numatune */
export const numa: Group = {
  fields: [
    {
      field: 'numa_mode',
      type: ParamType.int,
      unset: { live: 0, config: 0 },
      read: (domain) => {
        const mode = attr(child(domain, 'numatune', 'memory'), 'mode');
        return mode === undefined ? undefined : MODES.indexOf(mode);
      },
      write: (domain, _, value) => {
        const element = ensure(domain, 'numatune', 'memory');
        setAttr(element, 'mode', MODES[Number(value)]);
      },
    },
    {
      field: 'numa_nodeset',
      type: ParamType.string,
      unset: { live: '', config: '' },
      read: (domain) => attr(child(domain, 'numatune', 'memory'), 'nodeset'),
      write: (domain, _, value) => {
        const element = ensure(domain, 'numatune', 'memory');
        if (!element.hasAttribute('mode')) setAttr(element, 'mode', 'strict');
        setAttr(element, 'nodeset', CpuSet.parse(String(value)).toString());
      },
    },
  ],
  check: (domain, _target, params, live) => {
    const mode = attr(child(domain, 'numatune', 'memory'), 'mode');
    for (const { field, value } of params) {
      if (field === 'numa_mode') {
        if (MODES[Number(value)] === undefined)
          throw invalidArgument(`unsupported numatune mode: '${value}'`);
        if (live && MODES[Number(value)] !== (mode ?? 'strict'))
          throw notValid("can't change numatune mode for running domain");
      } else if (!isNodeset(String(value))) {
        throw invalidArgument(`Failed to parse bitmap '${value}'`, 0);
      } else if (live && mode !== undefined && mode !== 'restrictive') {
        throw notValid('change of nodeset for running domain requires restrictive numa mode');
      }
    }
  },
};

function isNodeset(list: string): boolean {
  try {
    return CpuSet.parse(list).size > 0;
  } catch (error) {
    if (error instanceof CpuSetError) return false;
    throw error;
  }
}
