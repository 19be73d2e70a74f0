import type { Group } from './metric.ts';

export const metadataGroup = {
  name: 'metadata',
  help: 'Who a VM belongs to, as the cloud on top wrote it into its XML.',
  byDefault: true,
  costs: "Nothing but the VM's XML, which is read once and after changes.",
  metrics: [
    {
      per: 'identity',
      type: 'info',
      name: 'libvirt_domain_openstack_info',
      help: "OpenStack's own names for the domain, from the metadata that Nova writes; instance_id is the domain's UUID.",
      when: ({ facts }) => facts?.nova !== undefined,
      labels: {
        instance_name: ({ facts }) => facts?.nova?.instanceName,
        // Nova gives the domain the UUID of the instance.
        instance_id: ({ uuid }) => uuid,
        flavor_name: ({ facts }) => facts?.nova?.flavor,
        user_name: ({ facts }) => facts?.nova?.userName,
        user_id: ({ facts }) => facts?.nova?.userUuid,
        project_name: ({ facts }) => facts?.nova?.projectName,
        project_id: ({ facts }) => facts?.nova?.projectUuid,
        root_type: ({ facts }) => facts?.nova?.rootType,
        root_id: ({ facts }) => facts?.nova?.rootUuid,
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
