import { terminalText } from '../../model/terminal-text.ts';
import { mean } from '../measure/moments.ts';
import type { EffectNow, MeasuredEffect } from './measured-effects.ts';

/** An effect as it is now, or why that is unknown. */
export type EffectCheck = { readonly effect: MeasuredEffect } & (
  | { readonly now: EffectNow }
  | { readonly missing: string }
);

/** An effect in one line; if it has faded, with what to do. */
export function describeEffect(check: EffectCheck): string {
  const { effect } = check;
  const number = (value: number): string => String(Number(value.toPrecision(3)));
  const was = `${terminalText(effect.domain.name)}: ${effect.name} was ${number(mean(effect.off))} without and ${number(mean(effect.on))} with the settings (${effect.transaction})`;
  if ('missing' in check) return `${was}; not compared: ${check.missing}`;
  const { level, left, p, isFaded } = check.now;
  const share = `${Math.max(0, Math.round(left * 100))} % of the effect remains`;
  if (!isFaded) return `${was}, and is ${number(level)} now: ${share}`;
  return `${was}, and is ${number(level)} now: the effect has faded, ${share}, p ${p.toPrecision(2)}; the load may have changed: to find out, roll back and apply again with --measure`;
}

/** Stable within the format of drift; null for missing values. */
export function effectJson(check: EffectCheck): object {
  const { transaction, domain, name, off, on } = check.effect;
  const now = 'missing' in check ? undefined : check.now;
  return {
    transaction,
    name: domain.name,
    uuid: domain.uuid,
    figure: name,
    off: mean(off),
    on: mean(on),
    now: now?.level ?? null,
    left: now?.left ?? null,
    p: now?.p ?? null,
    faded: now?.isFaded ?? null,
    missing: 'missing' in check ? check.missing : null,
  };
}
