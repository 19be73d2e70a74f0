import { ListFlag, XmlFlag } from '../../libvirt/constants.ts';
import { domainTreeXml, parseDomainTree } from '../../model/domain/domain-tree.ts';
import { child, children, type Element } from '../../model/xml.ts';
import { TunerError } from '../errors.ts';
import { findRun, handle, quoted } from '../steps/domain-run.ts';
import type { StepHost } from '../steps/step-host.ts';
import type { TransactionDomain } from './transaction.ts';

/** @throws TunerError TUNE_CHANGED when a domain is no longer as its plan saw it. */
export async function checkPreconditions(
  host: StepHost,
  domains: readonly TransactionDomain[],
): Promise<void> {
  for (const planned of domains) {
    const change = await changeOf(host, planned);
    if (change !== undefined) throw changed(planned, change);
  }
}

/** How a domain differs from what its plan saw; undefined if it does not. */
async function changeOf(host: StepHost, planned: TransactionDomain): Promise<string | undefined> {
  const { domain, live, inactive } = planned;
  const run = await findRun(host, domain);
  if (run.kind === 'gone') return 'it is no longer on this host';
  if (run.kind === 'runs' && live === undefined) return 'it was started';
  if (run.kind === 'off' && live !== undefined) return 'it was shut down';
  const xmlOf = async (flags: number): Promise<string> =>
    (await host.call('domainGetXmlDesc', { domain: handle(domain), flags })).xml;
  const persistent = run.kind === 'off' || run.persistent;
  if (persistent !== (inactive !== undefined))
    return persistent ? 'it was defined' : 'its definition was removed';
  if (inactive !== undefined) {
    const line = firstDifference(await xmlOf(XmlFlag.inactive | XmlFlag.secure), inactive);
    if (line !== undefined) return `its definition has ${line}`;
  }
  if (live === undefined) return undefined;
  const line = firstDifference(withoutVolatileParts(await xmlOf(0)), withoutVolatileParts(live));
  return line === undefined ? undefined : `the running domain has ${line}`;
}

function changed({ domain }: Pick<TransactionDomain, 'domain'>, change: string): TunerError {
  return new TunerError(
    'TUNE_CHANGED',
    `domain ${quoted(domain)} has changed since it was planned: ${change}; review a new plan, or apply with --force to plan again`,
  );
}

/** @throws TunerError TUNE_CHANGED when the definition is not the one that was planned for. */
export function checkDefinition(
  planned: Pick<TransactionDomain, 'domain'> & { readonly inactive?: string | undefined },
  xml: string | null,
): void {
  const line = firstDifference(xml ?? '', planned.inactive ?? '');
  if (line !== undefined) throw changed(planned, `its definition has ${line}`);
}

/** The first line that differs. */
function firstDifference(is: string, was: string): string | undefined {
  if (is === was) return undefined;
  const [now, before] = [is.split('\n'), was.split('\n')];
  const at = now.findIndex((line, index) => line !== before[index]);
  const show = (line: string | undefined): string => JSON.stringify(line?.trim() ?? 'nothing');
  return `${show(now[at < 0 ? now.length : at])} instead of ${show(before[at < 0 ? now.length : at])}`;
}

/**
 * A running domain's XML without what changes by itself: the balloon, whether a program in the guest listens on a
 * channel, whether a tray is open. Passwords of graphics are removed too: a read may include them or not.
 */
export function withoutVolatileParts(xml: string): string {
  const root = parseDomainTree('the XML of a running domain', xml);
  remove(child(root, 'currentMemory'));
  const devices = child(root, 'devices');
  for (const channel of children(devices, 'channel')) child(channel, 'target')?.removeAttribute('state');
  for (const disk of children(devices, 'disk')) child(disk, 'target')?.removeAttribute('tray');
  for (const memory of children(devices, 'memory')) remove(child(memory, 'target', 'current'));
  for (const graphics of children(devices, 'graphics')) {
    for (const secret of ['passwd', 'passwdValidTo', 'connected']) graphics.removeAttribute(secret);
  }
  return domainTreeXml(root);
}

function remove(element: Element | undefined): void {
  element?.parentNode?.removeChild(element);
}

/** Notes on saved memory images: a new definition takes effect not at the next start, but at the one after it. */
export async function savedImageNotes(
  host: StepHost,
  domains: readonly TransactionDomain[],
): Promise<string[]> {
  const { domains: saved } = await host.call('connectListAllDomains', {
    needResults: 1,
    flags: ListFlag.managedSave,
  });
  return domains
    .filter(({ domain }) => saved.some(({ uuid }) => uuid === domain.uuid))
    .map(
      ({ domain }) =>
        `domain ${quoted(domain)} has a saved memory image: its next start resumes it unchanged; the new definition takes effect at the boot after that (or with virsh start --force-boot, which discards the image)`,
    );
}
