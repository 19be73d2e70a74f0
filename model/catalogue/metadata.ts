import type { Group } from './metric.ts';

export const metadataGroup = {
  name: 'metadata',
  help: 'Owner of a VM, from the metadata that the cloud platform wrote into its XML.',
  byDefault: true,
  costs: "Nothing but the VM's XML, which is read once and after changes.",
  metrics: [
    {
      per: 'identity',
      type: 'info',
      name: 'libvirt_domain_openstack_info',
      help: "OpenStack names of the domain, from Nova's metadata; instance_id is the UUID of the domain.",
      when: ({ facts }) => facts?.nova !== undefined,
      labels: {
        instance_name: ({ facts }) => facts?.nova?.instanceName,
        // Nova uses the instance's UUID for the domain.
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
      help: 'oVirt metadata of the domain.',
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
      help: 'Custom labels that the configuration file reads from the domain XML.',
      needs: 'metadata in the configuration file',
      when: ({ labels }) => labels.size > 0,
      labels: {},
      more: ({ labels }) => labels,
    },
  ],
} as const satisfies Group;
