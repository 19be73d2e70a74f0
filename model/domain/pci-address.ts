import { attr, type Element } from '../xml.ts';

/** `0000:3b:02.1`, as lspci writes it, of a PCI <address>; undefined for any other. */
export function pciAddress(address: Element | undefined): string | undefined {
  const part = (name: string, digits: number): string | undefined => {
    const value = attr(address, name);
    const number = value === undefined || value === '' ? Number.NaN : Number(value);
    return Number.isInteger(number) && number >= 0 ? number.toString(16).padStart(digits, '0') : undefined;
  };
  const bus = part('bus', 2);
  const slot = part('slot', 2);
  if (bus === undefined || slot === undefined) return undefined;
  return `${part('domain', 4) ?? '0000'}:${bus}:${slot}.${part('function', 1) ?? '0'}`;
}
