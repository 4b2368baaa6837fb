// What was measured, as tables in Markdown.
import type { Manner } from './manners.ts';

/** How portraits of a manner are. */
export type Measured = Manner &
	Readonly<{
		/** Mean similarity to the person, of portraits in which a face is found. */
		likeness: number;
		/** Share of portraits in which one is. */
		found: number;
		/** Fréchet distance to photos. */
		distance: number;
		/** Of the network's batches, that a portrait takes. */
		rows: number;
		secondsPerPortrait: number;
	}>;

/** A line for each sampler, a column for each number of steps. */
export function matrix(measured: readonly Measured[], what: 'likeness' | 'distance' | 'found'): string {
	const columns = [...new Set(measured.map(({ steps }) => steps))].sort((a, b) => a - b);
	const samplers = [...new Set(measured.map(({ sampler }) => sampler))];
	const cell = (sampler: string, steps: number) =>
		measured.find((one) => one.sampler === sampler && one.steps === steps)?.[what].toFixed(3) ?? '';
	return markdown(
		['sampler', ...columns.map(String)],
		samplers.map((sampler) => [sampler, ...columns.map((steps) => cell(sampler, steps))]),
	);
}

/** A line for each manner. */
export function list(measured: readonly Measured[]): string {
	const heads = [
		'guidance',
		'noise levels',
		'decoder',
		'steps',
		'evaluations',
		'likeness',
		'Fréchet distance',
		'found',
	];
	const rows = measured.map((one) => [
		...[one.guidanceScale, one.guidanceInterval?.join(' to ') ?? 'all', one.decoder, one.steps, one.rows],
		...[one.likeness.toFixed(3), one.distance.toFixed(3), one.found.toFixed(2)],
	]);
	return markdown(heads, rows);
}

function markdown(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
	return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
