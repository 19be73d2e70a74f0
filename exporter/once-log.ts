/** Bounds memory, whatever a server puts into messages. */
const MESSAGES_MAX = 100;

/** Logs each message once: for lasting conditions that are found again with each new connection. */
export function onceLog(log: (message: string) => void): (message: string) => void {
  const logged = new Set<string>();
  return (message) => {
    if (logged.has(message)) return;
    if (logged.size >= MESSAGES_MAX) logged.clear();
    logged.add(message);
    log(message);
  };
}
