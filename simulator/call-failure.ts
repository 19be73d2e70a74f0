import { ErrorCode, ErrorDomain } from '../libvirt/constants.ts';

/** A call that cannot be answered, by libvirt's numbers. */
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

/** A cell of the host that memory is to come from, and that there is not. */
export function unavailableNode(cell: number): CallFailure {
  return new CallFailure(
    ErrorCode.configUnsupported,
    `unsupported configuration: NUMA node ${cell} is unavailable`,
    ErrorDomain.none,
  );
}
