const HOSTS = `<li><a href="/sd">/sd</a>: the configured hosts, for Prometheus' service discovery</li>
<li>/probe?target=NAME: metrics of one of them</li>
`;

/** The page shown in a browser. */
export function landingPage(version: string, manyHosts: boolean): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>virtune exporter</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style></head>
<body>
<h1>virtune exporter</h1>
<p>Version ${version}. Prometheus exporter for a KVM host and its VMs.</p>
<ul>
<li><a href="/metrics">/metrics</a>: metrics</li>
${manyHosts ? HOSTS : ''}<li><a href="/-/healthy">/-/healthy</a>: is this process up?</li>
<li><a href="/-/ready">/-/ready</a>: is it connected to libvirt?</li>
</ul>
</body>
</html>
`;
}
