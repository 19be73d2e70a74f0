export { ensurePackages as setup } from './lab/packages.ts';
