import { afterAll, beforeAll, describe } from 'vitest';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { expectedOf, versionsOf } from '../expected.ts';
import { definitionContract } from './definitions.ts';
import { deviceContract } from './devices.ts';
import { liveChangeContract } from './live-changes.ts';
import { startContract } from './starts.ts';
import { statisticsContract } from './statistics.ts';
import { Throwaway, type TuningTarget } from './throwaway.ts';

/** What tuning relies on in libvirt and QEMU, by their versions, and what the simulator must therefore share. */
export function tuningContract(name: string, target: () => TuningTarget): void {
  describe(`the contract of tuning, kept by ${name}`, () => {
    let connection: Connection;
    let throwaway: Throwaway;
    beforeAll(async () => {
      connection = await target().open();
      throwaway = new Throwaway(connection, target(), expectedOf(await versionsOf(connection)));
    });
    afterAll(async () => {
      await throwaway?.remove();
      await connection?.close();
    });
    definitionContract(() => throwaway);
    liveChangeContract(() => throwaway);
    deviceContract(() => throwaway);
    startContract(() => throwaway);
    statisticsContract(() => throwaway);
  });
}
