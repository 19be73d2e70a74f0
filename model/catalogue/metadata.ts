import type { Group } from './metric.ts';

export const metadataGroup = {
  name: 'metadata',
  help: 'Who a VM belongs to, as the cloud on top wrote it into its XML.',
  byDefault: true,
  costs: "Nothing but the VM's XML, which is read once and after changes.",
  metrics: [
    {
      per: 'facts',
      type: 'info',
      name: 'libvirt_domain_openstack_info',
      help: "OpenStack's own names for the domain, from the metadata that Nova writes.",
      when: ({ nova }) => nova !== undefined,
      labels: {
        instance_name: ({ nova }) => nova?.instanceName,
        flavor_name: ({ nova }) => nova?.flavor,
        user_name: ({ nova }) => nova?.userName,
        user_id: ({ nova }) => nova?.userUuid,
        project_name: ({ nova }) => nova?.projectName,
        project_id: ({ nova }) => nova?.projectUuid,
        root_type: ({ nova }) => nova?.rootType,
        root_id: ({ nova }) => nova?.rootUuid,
      },
    },
    {
      per: 'facts',
      type: 'info',
      name: 'libvirt_domain_ovirt_info',
      help: 'What oVirt wrote about the domain.',
      when: ({ ovirt }) => ovirt !== undefined,
      labels: {
        cluster_version: ({ ovirt }) => ovirt?.clusterVersion,
        resume_behavior: ({ ovirt }) => ovirt?.resumeBehavior,
        destroy_on_reboot: ({ ovirt }) => ovirt?.destroyOnReboot,
      },
    },
    {
      per: 'facts',
      type: 'info',
      name: 'libvirt_domain_metadata_info',
      help: "Labels that the configuration file reads from the domain's XML, whatever they are called there.",
      needs: 'metadata in the configuration file',
      when: ({ labels }) => labels.size > 0,
      labels: {},
      more: ({ labels }) => labels,
    },
  ],
} as const satisfies Group;
