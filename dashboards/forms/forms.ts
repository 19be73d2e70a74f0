import type { Files } from '../files.ts';
import { grafanaComFiles } from './grafana-com.ts';
import { kubernetesFiles } from './kubernetes.ts';

/** The same dashboards and rules in the forms in which others install them, made from the files of the plain form. */
export function otherForms(files: Files): Files {
  return new Map([...kubernetesFiles(files), ...grafanaComFiles(files)]);
}
