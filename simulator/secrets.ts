import { randomUUID } from 'node:crypto';
import { ErrorCode, SecretUsage } from '../libvirt/constants.ts';
import { attr, child, parseXml, text } from '../model/xml.ts';
import { CallFailure } from './call-failure.ts';
import { escapeXml } from './xml/format.ts';

const DOMAIN_SECRET = 30;

export interface SimulatedSecret {
  readonly uuid: string;
  readonly usageType: number;
  readonly usageId: string;
  readonly isEphemeral: boolean;
  readonly isPrivate: boolean;
  readonly description: string | undefined;
}

/** A host's secrets, without values. As in libvirt, UUIDs and usages are unique (virSecretObjListAdd). */
export class Secrets {
  readonly #secrets = new Map<string, SimulatedSecret>();

  define(xml: string): SimulatedSecret {
    const secret = parseSecret(xml);
    const same = this.#secrets.get(secret.uuid);
    if (same !== undefined && same.usageId !== secret.usageId) throw taken(same);
    if (same?.isPrivate === true && !secret.isPrivate) {
      throw new CallFailure(
        ErrorCode.internal,
        'internal error: cannot change private flag on existing secret',
        DOMAIN_SECRET,
      );
    }
    const other = this.#byUsage(secret);
    if (same === undefined && other !== undefined) throw taken(other);
    this.#secrets.set(secret.uuid, secret);
    return secret;
  }

  byUuid(uuid: string): SimulatedSecret {
    const secret = this.#secrets.get(uuid);
    if (secret !== undefined) return secret;
    throw new CallFailure(
      ErrorCode.noSecret,
      `Secret not found: no secret with matching uuid '${uuid}'`,
      DOMAIN_SECRET,
    );
  }

  byUsage(usage: Pick<SimulatedSecret, 'usageType' | 'usageId'>): SimulatedSecret {
    const secret = this.#byUsage(usage);
    if (secret !== undefined) return secret;
    throw new CallFailure(
      ErrorCode.noSecret,
      `Secret not found: no secret with matching usage '${usage.usageId}'`,
      DOMAIN_SECRET,
    );
  }

  undefine(uuid: string): void {
    this.#secrets.delete(this.byUuid(uuid).uuid);
  }

  /** Called when the daemon restarts. */
  forgetEphemeral(): void {
    for (const { uuid, isEphemeral } of this.#secrets.values()) if (isEphemeral) this.#secrets.delete(uuid);
  }

  #byUsage({
    usageType,
    usageId,
  }: Pick<SimulatedSecret, 'usageType' | 'usageId'>): SimulatedSecret | undefined {
    return [...this.#secrets.values()].find(
      (each) => each.usageType === usageType && each.usageId === usageId,
    );
  }
}

function taken({ uuid, usageId }: SimulatedSecret): CallFailure {
  return new CallFailure(
    ErrorCode.internal,
    `internal error: a secret with UUID ${uuid} is already defined for use with ${usageId}`,
    DOMAIN_SECRET,
  );
}

function parseSecret(xml: string): SimulatedSecret {
  const root = parseXml('(definition_of_secret)', xml, 'secret');
  const usage = child(root, 'usage');
  const type = attr(usage, 'type') as keyof typeof SecretUsage | undefined;
  const usageId = text(child(usage, type === 'volume' ? 'volume' : type === 'iscsi' ? 'target' : 'name'));
  const usageType = type === undefined ? undefined : SecretUsage[type];
  if (usageType === undefined || usageId === undefined) {
    throw new CallFailure(ErrorCode.xmlError, 'XML error: unknown or incomplete secret usage', DOMAIN_SECRET);
  }
  return {
    uuid: text(child(root, 'uuid')) ?? randomUUID(),
    usageType,
    usageId,
    isEphemeral: attr(root, 'ephemeral') === 'yes',
    isPrivate: attr(root, 'private') === 'yes',
    description: text(child(root, 'description')),
  };
}

/** In the format of virSecretDefFormat. */
export function secretXml(secret: SimulatedSecret): string {
  const { uuid, usageType, usageId, isEphemeral, isPrivate, description } = secret;
  const yes = (value: boolean): string => (value ? 'yes' : 'no');
  const type = Object.entries(SecretUsage).find(([, number]) => number === usageType)?.[0] ?? '';
  const tag = type === 'volume' ? 'volume' : type === 'iscsi' ? 'target' : 'name';
  return [
    `<secret ephemeral='${yes(isEphemeral)}' private='${yes(isPrivate)}'>`,
    `  <uuid>${uuid}</uuid>`,
    ...(description === undefined ? [] : [`  <description>${escapeXml(description)}</description>`]),
    `  <usage type='${type}'>`,
    `    <${tag}>${escapeXml(usageId)}</${tag}>`,
    '  </usage>',
    '</secret>',
    '',
  ].join('\n');
}
