import type { Files } from '../files.ts';
import { grafanaComFiles } from './grafana-com.ts';
import { kubernetesFiles } from './kubernetes.ts';

/** The same dashboards and rules in other packaging formats, generated from the plain files. */
export function otherForms(files: Files): Files {
  return new Map([...kubernetesFiles(files), ...grafanaComFiles(files)]);
}
