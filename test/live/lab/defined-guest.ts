import type { StepDomain } from '../../../tuner/steps/step.ts';
import { qemuPid } from './guests.ts';
import { PREFIX } from './paths.ts';
import { virsh } from './virsh.ts';

/** A guest of the lab, as libvirt describes it. */
export class DefinedGuest {
  readonly name: string;

  /** @param name without the prefix of the lab */
  constructor(name: string) {
    this.name = `${PREFIX}${name}`;
  }

  get domain(): StepDomain {
    return { uuid: virsh('domuuid', this.name).trim(), name: this.name };
  }

  /** Its definition for the next boot, byte for byte as libvirt prints it. */
  get inactive(): string {
    return virsh('dumpxml', '--inactive', '--security-info', this.name);
  }

  get live(): string {
    return virsh('dumpxml', this.name);
  }

  get pid(): number {
    return qemuPid(this.name);
  }
}
