import { Markup } from './html.ts';

/** Light or dark, following the reader's system. The arms differ by colour and by dash. */
export const STYLE = new Markup(`
:root { color-scheme: light dark; --text: #1c1917; --soft: #78716c; --line: #d6d3d1; --off: #475569; --on: #c2410c; --page: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --text: #f5f5f4; --soft: #a8a29e; --line: #44403c; --off: #94a3b8; --on: #fb923c; --page: #1c1917; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 800px; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
svg { width: 100%; height: auto; } svg.narrow { max-width: 420px; } svg.small { width: 260px; height: 36px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; } dt { color: var(--soft); } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; font-weight: normal; } td { white-space: nowrap; font-variant-numeric: tabular-nums; } thead th { color: var(--soft); }
.tick { font-size: 12px; fill: var(--soft); text-anchor: middle; } .tick.start { text-anchor: start; } .tick.end { text-anchor: end; }
.label { font-size: 12px; fill: var(--text); }
.grid { stroke: var(--line); stroke-width: 1; } .zero { stroke: var(--text); stroke-width: 1; }
.band { fill: var(--off); opacity: 0.06; } .band.on { fill: var(--on); opacity: 0.12; }
.bar { stroke: var(--off); stroke-width: 3; stroke-dasharray: 6 3; } .bar.on { stroke: var(--on); stroke-dasharray: none; }
.pair { stroke: var(--soft); stroke-width: 1; }
.dot { fill: var(--page); stroke: var(--off); stroke-width: 2; } .dot.on { fill: var(--on); stroke: var(--on); }
.interval { stroke: var(--on); stroke-width: 2; } .arrow { fill: var(--on); }
.margin { fill: var(--soft); opacity: 0.15; }
.key { border-bottom: 3px dashed var(--off); } .key.on { border-bottom: 3px solid var(--on); }
`);
