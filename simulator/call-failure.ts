import { ErrorCode, ErrorDomain } from '../libvirt/constants.ts';

/** A failed call, with libvirt's error numbers. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly libvirtCode: number;
  readonly libvirtDomain: number;
  constructor(libvirtCode: number, message: string, libvirtDomain = 10) {
    super(message);
    this.libvirtCode = libvirtCode;
    this.libvirtDomain = libvirtDomain;
  }
}

/** For memory requested from a host cell that does not exist. */
export function unavailableNode(cell: number): CallFailure {
  return new CallFailure(
    ErrorCode.configUnsupported,
    `unsupported configuration: NUMA node ${cell} is unavailable`,
    ErrorDomain.none,
  );
}
