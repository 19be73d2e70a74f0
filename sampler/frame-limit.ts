/**
 * Limits a reply to a sampler. It asks for one VM at a time; the largest replies of libvirt are XML of 4 MiB
 * (REMOTE_STRING_MAX) or a list of 16,384 VMs. A daemon that sends more costs the others their figures: one process may
 * ask a hundred hosts.
 */
export const SAMPLER_FRAME_MAX_BYTES = 8 * 1024 * 1024;
