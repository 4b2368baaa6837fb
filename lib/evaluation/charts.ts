// The charts of a report, as SVG in the colours of its page.
import { written } from './figure-names.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import type { Distribution } from './similarity-figures.ts';
import { farTargets } from './verification-figures.ts';

const size = { width: 420, height: 236, left: 44, right: 12, top: 12, bottom: 40 };
const plot = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
const bottom = size.top + plot.height;

/** Similarities of portraits to their inputs, and to photos of other people: shares of each in bins of 0.04, as the paper's figure. */
export function similarityChart(own: Distribution, others: Distribution | null): Html {
	const shown = [...(others ? [{ kind: 'others', of: others }] : []), { kind: 'own', of: own }];
	const from = Math.max(-1, Math.floor(Math.min(...shown.map(({ of }) => of.least)) * 5) / 5);
	const x = (value: number) => size.left + ((value - from) / (1 - from)) * plot.width;
	const bars = shown.map(({ kind, of }) => ({ kind, of, shares: pairedShares(of) }));
	const highest = Math.max(...bars.flatMap(({ shares }) => shares.map(({ share }) => share)));
	const top = niceAbove(highest);
	const y = (share: number) => bottom - (share / top) * plot.height;
	const series = bars.map(({ kind, of, shares }) => {
		const seen = shares.filter(({ share, to }) => share > 0 && to > from);
		const path = seen.map(
			({ from: a, to: b, share }) => `M${fixed(x(a))} ${bottom}V${fixed(y(share))}H${fixed(x(b))}V${bottom}Z`,
		);
		return html`<path class="${kind}" d="${path.join('')}"/><path class="mean ${kind}" d="M${fixed(x(of.mean))} ${bottom}V${size.top}"/>`;
	});
	const ticks = Array.from({ length: Math.round((1 - from) / 0.2) + 1 }, (_, i) => from + 0.2 * i);
	const label = `Histogram of similarities. Portraits to their input: mean ${three(own.mean)}, from ${three(own.least)} to ${three(own.most)}.${
		others
			? ` To photos of other people: mean ${three(others.mean)}, from ${three(others.least)} to ${three(others.most)}.`
			: ''
	}`;
	return svg(label, [
		grid([0, top / 2, top].map((share) => ({ at: y(share), text: `${Math.round(100 * share)} %` }))),
		...series,
		axis(
			ticks.map((tick) => ({ at: x(tick), text: written(tick, { digits: 1 }) })),
			'similarity',
		),
	]);
}

/** True accepts over false ones, these on a logarithmic axis. */
export function rocChart({ roc, pairs }: NonNullable<Report['verification']>): Html {
	const decades = Math.min(5, Math.max(1, Math.floor(Math.log10(pairs.impostor.counted))));
	const least = 10 ** -decades;
	const x = (far: number) => size.left + (1 + Math.log10(Math.max(far, least)) / decades) * plot.width;
	const y = (tar: number) => bottom - tar * plot.height;
	const points = roc.falseAcceptRate.map((far, i) => `${fixed(x(far))} ${fixed(y(roc.trueAcceptRate[i]!))}`);
	const tars = farTargets.map((far) => {
		const reached = roc.falseAcceptRate.reduce(
			(best, one, i) => (one <= far ? Math.max(best, roc.trueAcceptRate[i]!) : best),
			0,
		);
		return `${three(reached)} at ${far}`;
	});
	const ticks = Array.from({ length: decades + 1 }, (_, i) => 10 ** (i - decades));
	return svg(
		`Receiver operating characteristic: share of pairs of one person accepted ${tars.join(', ')} of the pairs of two.`,
		[
			grid([0, 0.5, 1].map((tar) => ({ at: y(tar), text: tar.toFixed(1) }))),
			html`<path class="line" d="M${points.join('L')}"/>`,
			axis(
				ticks.map((tick) => ({ at: x(tick), text: String(Number(tick.toPrecision(1))) })),
				'share of pairs of two people accepted',
			),
		],
	);
}

/** In bins twice as wide as they are counted in: few numbers make a ragged picture. */
function pairedShares({ histogram: { from, to, counts }, count }: Distribution) {
	const width = (2 * (to - from)) / counts.length;
	return Array.from({ length: counts.length / 2 }, (_, i) => ({
		from: from + i * width,
		to: from + (i + 1) * width,
		share: (counts[2 * i]! + counts[2 * i + 1]!) / count,
	}));
}

type Tick = { at: number; text: string };

function svg(label: string, parts: readonly Html[]): Html {
	return html`<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${label}">${parts}</svg>`;
}

function grid(ticks: readonly Tick[]): Html {
	return html`${ticks.map(
		({ at, text }) =>
			html`<path class="grid" d="M${size.left} ${fixed(at)}H${size.width - size.right}"/><text x="${size.left - 6}" y="${fixed(at + 4)}" text-anchor="end">${text}</text>`,
	)}`;
}

function axis(ticks: readonly Tick[], name: string): Html {
	return html`<path class="axis" d="M${size.left} ${bottom}H${size.width - size.right}"/>${ticks.map(
		({ at, text }) =>
			html`<path class="axis" d="M${fixed(at)} ${bottom}v4"/><text x="${fixed(at)}" y="${bottom + 17}" text-anchor="middle">${text}</text>`,
	)}<text x="${size.left + plot.width / 2}" y="${size.height - 4}" text-anchor="middle">${name}</text>`;
}

/** The next of those times a power of ten that halve well. */
function niceAbove(value: number): number {
	const power = 10 ** Math.floor(Math.log10(value));
	return power * ([1, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10);
}

function fixed(value: number): string {
	return String(Math.round(100 * value) / 100);
}

function three(value: number): string {
	return written(value, { digits: 3 });
}
