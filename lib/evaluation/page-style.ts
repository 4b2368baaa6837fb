// How the page of a report looks: one column of text, figures in tables, light or dark as the reader has it.

export const pageStyle = `
:root {
	color-scheme: light dark;
	--paper: #fbfaf7; --ink: #1d1c1a; --soft: #5d5a54; --line: #dcd8cf; --panel: #f2efe8;
	--own: #1f6f8b; --others: #b5772a; --good: #2c6e49; --bad: #a33b2a;
}
@media (prefers-color-scheme: dark) {
	:root {
		--paper: #171615; --ink: #ece8e1; --soft: #a8a299; --line: #3a3733; --panel: #211f1d;
		--own: #6db9d3; --others: #dfa65c; --good: #7fc29b; --bad: #e58c7b;
	}
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 ui-serif, Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif; }
main, header, footer { max-width: 50rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 3rem; }
h1, h2, h3, table, figcaption, dt, .lead, nav, svg, summary, .chart-key { font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p, ul, dl { margin: 0 0 1rem; max-width: 42rem; }
.lead { color: var(--soft); margin: 0; }
a { color: var(--own); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--own); outline-offset: 2px; border-radius: 2px; }
nav { margin-top: 1.25rem; font-size: .9rem; }
nav ul { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; max-width: none; }
nav a { display: inline-block; padding: .25rem 0; }
.warnings { border-left: 3px solid var(--others); background: var(--panel); padding: .75rem 1rem .75rem 1.25rem; margin: 1.5rem 0 0; max-width: none; }
.warnings h2 { border: 0; padding: 0; margin: 0 0 .25rem; font-size: 1rem; }
.warnings ul { margin: 0; padding-left: 1.1rem; max-width: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: 0 0 .5rem; }
th, td { text-align: left; vertical-align: baseline; padding: .5rem .75rem .5rem 0; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); border-bottom: 1px solid var(--ink); vertical-align: bottom; }
tbody tr { border-bottom: 1px solid var(--line); }
tbody.figure { border-bottom: 1px solid var(--line); }
tbody.figure tr { border: 0; }
tbody.figure th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .92em; color: var(--ink); }
.interval { display: block; color: var(--soft); font-size: .85em; }
.note td { color: var(--soft); padding-top: 0; font-size: .95em; }
.note strong { color: var(--others); font-weight: 600; }
.yes { color: var(--good); } .no { color: var(--bad); }
dl dd + dt { margin-top: .9rem; }
.digest { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .85em; overflow-wrap: anywhere; }
figure { margin: 0 0 1rem; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 42rem; margin-top: .5rem; }
svg { display: block; width: 100%; max-width: 36rem; height: auto; font-size: 11px; }
svg text { fill: var(--soft); }
svg .grid { stroke: var(--line); fill: none; } svg .axis { stroke: var(--soft); fill: none; }
svg .own { fill: var(--own); fill-opacity: .72; } svg .others { fill: var(--others); fill-opacity: .5; }
svg .mean { fill: none; stroke-width: 1.5; stroke-dasharray: 4 3; }
svg .mean.own { stroke: var(--own); } svg .mean.others { stroke: var(--others); }
svg .line { fill: none; stroke: var(--own); stroke-width: 2; stroke-linejoin: round; }
.chart-key { list-style: none; padding: 0; margin: .25rem 0 .5rem; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .9rem; }
.chart-key li::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .45em; border-radius: 2px; background: var(--own); }
.chart-key li.others::before { background: var(--others); }
.cases { list-style: none; padding: 0; margin: 0; max-width: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14.5rem), 1fr)); gap: 1.25rem 1.5rem; }
.cases div { display: flex; gap: 2px; }
.cases img { display: block; width: 50%; height: auto; aspect-ratio: 1; object-fit: contain; background: var(--panel); }
.cases figure { margin: 0; }
.cases figcaption { margin-top: .35rem; overflow-wrap: anywhere; }
.cases b { color: var(--ink); font-variant-numeric: tabular-nums; }
dt { font-weight: 600; font-size: .95rem; margin-top: .75rem; } dd { margin: 0; color: var(--soft); }
summary { cursor: pointer; padding: .35rem 0; color: var(--own); font-size: .9rem; }
footer { color: var(--soft); font-size: .9rem; padding-top: 2rem; padding-bottom: 3rem; }
@media (max-width: 34rem) {
	header { padding-top: 1.75rem; } h1 { font-size: 1.5rem; }
	th, td { padding-right: .5rem; } table { font-size: .84rem; } svg { font-size: 13px; }
	tbody.figure th { width: 45%; }
}
@media print { nav { display: none; } body { font-size: 10pt; } }
`;
