/** All files of the lab are here; `down` removes them. QEMU runs as a separate user and must be able to access it. */
export const LAB_DIR = '/var/lib/libvirt/virtune-lab';
/** Prefix of every domain of the lab; no others are ever touched. */
export const PREFIX = 'vt-';
