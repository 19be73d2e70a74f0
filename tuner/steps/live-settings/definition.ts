import { z } from 'zod';
import { DefineFlag, DomainState, ShutoffReason, UndefineFlag, XmlFlag } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { parseDomainTree } from '../../../model/domain/domain-tree.ts';
import { child } from '../../../model/xml.ts';
import { TunerError } from '../../errors.ts';
import { handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import { changesIn, meaningDiffers } from '../meaning.ts';
import type { StepDomain, StepOf } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/** A definition, and how closely another must match it: a restored one must match exactly. */
const definitionState = z
  .object({ xml: z.string().nullable(), alike: z.enum(['letter', 'meaning']) })
  .readonly();
type DefinitionState = z.infer<typeof definitionState>;

export const definition = liveSetting('definition', definitionState, {
  home: 'definition',
  get: read,
  async set(host, { domain }, { xml, alike }) {
    if (xml === null) {
      throw new TunerError('TUNE_DOMAIN', `domain ${quoted(domain)} is transient: it has no definition`);
    }
    // XML returned by libvirt itself may predate its present schema.
    const flags = alike === 'meaning' ? DefineFlag.validate : 0;
    const hadRun = await knowsOfARun(host, domain);
    await host.call('domainDefineXmlFlags', { xml, flags });
    if (hadRun && !(await knowsOfARun(host, domain))) await refuseRecreated(host, domain, xml);
  },
  differs(is, wanted) {
    if (is.xml === wanted.xml) return undefined;
    if (is.xml === null || wanted.xml === null) return 'the domain has no definition';
    if (wanted.alike === 'meaning') return meaningDiffers(is.xml, wanted.xml);
    return lineDifference(is.xml, wanted.xml);
  },
  target: ({ to }): DefinitionState => ({ xml: to, alike: 'meaning' }),
  async verify(host, step) {
    const { xml } = await read(host, step);
    const changes =
      xml === null ? undefined : changesIn(xml, { inactive: host.saved(step.domain.uuid)?.inactive });
    return changes === undefined ? [] : [`it boots with ${changes}`];
  },
});

/** True for a running domain, and for one that has ended, whose state has a reason. A newly defined domain has none. */
async function knowsOfARun(host: StepHost, domain: StepDomain): Promise<boolean> {
  const { state, reason } = await host.call('domainGetState', { domain: handle(domain), flags: 0 });
  return state !== DomainState.shutoff || reason !== ShutoffReason.unknown;
}

/**
 * Defining also creates: a domain that has just left the host would exist here again while it runs on another host. It
 * is undefined again; its firmware variables and TPM state stay, since the other host may use them. Without `keepTpm`,
 * libvirt deletes the TPM state unless the XML has `persistent_state` (qemuTPMEmulatorCleanupHost); a libvirt without
 * the flag rejects the call, and then the definition stays.
 */
async function refuseRecreated(host: StepHost, domain: StepDomain, xml: string): Promise<never> {
  const root = parseDomainTree(`the definition of domain ${quoted(domain)}`, xml);
  const keepTpm = child(root, 'devices', 'tpm') === undefined ? 0 : UndefineFlag.keepTpm;
  const flags = UndefineFlag.keepNvram | keepTpm;
  try {
    await host.call('domainUndefineFlags', { domain: handle(domain), flags });
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    const first =
      keepTpm === 0
        ? ''
        : ' (before libvirt 8.9, which deletes the state of a TPM, remove <tpm> from it first)';
    throw new TunerError(
      'TUNE_CHANGED',
      `domain ${quoted(domain)} left this host while it was being defined, and undefining it again failed: ${error.message}; do not start it here while it may run on another host, and undefine it${first}`,
      { cause: error },
    );
  }
  throw new TunerError(
    'TUNE_CHANGED',
    `domain ${quoted(domain)} left this host while it was being defined: it was undefined, or migrated with its definition; look for it on the other host`,
  );
}

/** Includes secrets, or an undo would lose them. A transient domain has no definition. */
async function read(host: StepHost, { domain }: StepOf<'definition'>): Promise<DefinitionState> {
  const { persistent } = await host.call('domainIsPersistent', { domain: handle(domain) });
  if (!persistent) return { xml: null, alike: 'letter' };
  const flags = XmlFlag.inactive | XmlFlag.secure;
  const { xml } = await host.call('domainGetXmlDesc', { domain: handle(domain), flags });
  return { xml, alike: 'letter' };
}

/** The first line that differs; ignores whitespace between elements. */
function lineDifference(is: string, wanted: string): string | undefined {
  const lines = (xml: string): string[] =>
    controllersSorted(xml)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  const [now, before] = [lines(is), lines(wanted)];
  const at = before.findIndex((line, index) => line !== now[index]);
  if (at < 0 && now.length === before.length) return undefined;
  const [has, should] = [now[at < 0 ? before.length : at], before[at]];
  return `the definition has ${JSON.stringify(has ?? 'nothing')} instead of ${JSON.stringify(should ?? 'nothing')}`;
}

const CONTROLLER = /<controller [^>]*?(?:\/>|>[\s\S]*?<\/controller>)/g;

/**
 * Ignores the order of controllers, which is up to libvirt and cannot be restored: it moves those that it added itself
 * when it first parses its own output (9.0: groups them by type), because the domain is defined again or libvirtd was
 * restarted.
 */
function controllersSorted(xml: string): string {
  const found: string[] = [];
  const rest = xml.replaceAll(CONTROLLER, (controller) => {
    found.push(controller);
    return '';
  });
  return [rest, ...found.sort()].join('\n');
}

/** The XML in a state of `definition`; null for a domain without one. */
export function definitionXml(state: unknown): string | null {
  return definitionState.parse(state).xml;
}
