import { Bcrypt } from '../../exporter/http/bcrypt.ts';

const [password = '', hash = ''] = process.argv.slice(2);
const matches = new Bcrypt().compare(password, hash);
// Keeps the event loop alive, as a client's socket does in the exporter.
const alive = setInterval(() => undefined, 1_000);
process.stdout.write(`${await matches}`);
clearInterval(alive);
