import { advice } from './advice.ts';
import { codec } from './codec.ts';
import { shipping } from './elasticsearch.ts';
import { encode } from './encode.ts';
import { fleet } from './fleet.ts';
import { measureEffects } from './measure.ts';
import { consoles } from './peers/consoles.ts';
import { peers } from './peers/peers.ts';
import { placement } from './placement.ts';
import { realGuests } from './real-guests.ts';
import { rules } from './rules.ts';
import { scale, soak } from './scale.ts';
import { top } from './top.ts';
import { trouble } from './trouble.ts';

const SECTIONS: Readonly<Record<string, () => Promise<string>>> = {
  advice,
  codec,
  consoles,
  encode,
  fleet,
  measure: measureEffects,
  peers,
  placement,
  real: realGuests,
  scale,
  soak,
  rules,
  top,
  trouble,
  elasticsearch: shipping,
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(SECTIONS, name));
if (unknown !== undefined) {
  console.error(
    `bench: there is no "${unknown}"; there are ${Object.keys(SECTIONS).join(', ')}. All of them without a name.`,
  );
  process.exit(64);
}
for (const [name, section] of Object.entries(SECTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(await section());
  console.log();
}
