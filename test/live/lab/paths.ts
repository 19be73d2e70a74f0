/** Everything of the lab's lies here, and goes with `down`. QEMU runs as its own user and must reach it. */
export const LAB_DIR = '/var/lib/libvirt/virtune-lab';
/** Every domain of the lab's begins so; no other is ever touched. */
export const PREFIX = 'vt-';
