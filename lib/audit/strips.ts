// The plots of an audit's page: in every row of a table a number and its interval, on a scale that the rows share.
import { type Naming, written } from '../evaluation/figure-names.ts';
import { type Html, html } from '../evaluation/html.ts';

/** What a strip shows; `kind` decides its colour. */
export type Mark = Readonly<{
	value: number;
	interval: readonly [number, number] | null;
	kind: 'plain' | 'good' | 'bad';
}>;

/** From its left end to its right one. */
export type Scale = Readonly<{ from: number; to: number }>;

export const stripStyle = `
.strip { display: block; width: 100%; max-width: none; height: .9rem; margin-top: .3rem; overflow: visible; }
.strip path { fill: none; vector-effect: non-scaling-stroke; stroke-linecap: round; }
.strip .zero { stroke: var(--soft); stroke-width: 1; }
.strip .range { stroke-width: 3; stroke-opacity: .45; } .strip .value { stroke-width: 3; }
.strip .plain { stroke: var(--own); } .strip .good { stroke: var(--good); } .strip .bad { stroke: var(--bad); }
.scale { display: flex; justify-content: space-between; margin-top: .3rem; font-size: .85em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.strips { table-layout: fixed; min-width: 19rem; } .strips th:first-child { width: 28%; overflow-wrap: anywhere; hyphens: auto; }
.strips td, .strips thead th { padding-right: 1.25rem; }
.strips .column th { color: var(--soft); border-bottom: 1px solid var(--line); padding-top: 1.25rem; font-weight: 400; }
.strips .size { display: block; color: var(--soft); font-size: .85em; }
.differences .column th { font-weight: 600; padding-top: 1.25rem; }
.summary li { margin-bottom: .35rem; }
@media (max-width: 34rem) { .strips td, .strips thead th { padding-right: .75rem; } }
`;

/** Around all marks, and all intervals; what is nowhere below 0 or above 1 is not there on the scale, either. */
export function scaleAround(marks: readonly Mark[]): Scale {
	const { from, to, least, most } = around(marks);
	return { from: least >= 0 ? Math.max(0, from) : from, to: most <= 1 ? Math.min(1, to) : to };
}

function around(marks: readonly Mark[]): Scale & Readonly<{ least: number; most: number }> {
	const ends = marks.flatMap(({ value, interval }) => [value, ...(interval ?? [])]);
	const [least, most] = [Math.min(...ends), Math.max(...ends)];
	const margin = (most - least || Math.abs(most) || 1) * 0.04;
	return { from: least - margin, to: most + margin, least, most };
}

/** As far to either side of 0. */
export function scaleAroundZero(marks: readonly Mark[]): Scale {
	const { from, to } = around(marks);
	const reach = Math.max(Math.abs(from), Math.abs(to));
	return { from: -reach, to: reach };
}

/** The numbers beside it say the same. */
export function strip({ value, interval, kind }: Mark, { from, to }: Scale): Html {
	const x = (number: number) => Math.round((10_000 * (number - from)) / (to - from)) / 100;
	const zero = from < 0 && to > 0 ? html`<path class="zero" d="M${x(0)} 0V16"/>` : undefined;
	const range = interval && html`<path class="range ${kind}" d="M${x(interval[0])} 8H${x(interval[1])}"/>`;
	return html`<svg class="strip" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">${zero}${range ?? undefined}<path class="value ${kind}" d="M${x(value)} 3V13"/></svg>`;
}

/** The ends of a scale, and 0 where it is the middle. */
export function scaleText({ from, to }: Scale, naming: Pick<Naming, 'digits' | 'unit'>): Html {
	const middle = from === -to ? html`<span>0</span>` : undefined;
	return html`<span class="scale" aria-hidden="true"><span>${written(from, naming)}</span>${middle}<span>${written(to, naming)}</span></span>`;
}
