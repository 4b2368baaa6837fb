// Portraits that have to be alike: painted, read, and painted again where they are not.
import type { LikenessCheck } from '../options/likeness.ts';
import type { Seeds } from '../options/seeds.ts';
import { type Warning, warning } from '../warnings.ts';
import type { Portrait } from './portraits.ts';

/** An image that is painted. */
export type Painted = Readonly<{ portrait: Portrait; pixels: Uint8Array }>;

/** The best of an image's tries. */
export type Judged = Painted & Readonly<{ similarity: number | undefined; warnings: readonly Warning[] }>;

type Check = Required<LikenessCheck>;
type Try = Painted & Readonly<{ similarity: number | undefined }>;

/**
 * Paints in rounds: all portraits, then those that are not alike enough, with other seeds, until none is left or all tries are used up.
 * Gives each as soon as it is alike enough, or has had its tries.
 *
 * @param paint - gives images as they finish
 * @param read - how alike an image is to its identity; undefined if it shows no face, which is less than any other likeness
 */
export async function* paintAlike(
	portraits: readonly Portrait[],
	{ check, seeds }: { check: Check; seeds: Seeds },
	paint: (portraits: readonly Portrait[], round: number) => AsyncIterable<Painted>,
	read: (painted: Painted) => Promise<number | undefined>,
): AsyncGenerator<Judged, void, void> {
	const best = new Map<number, Try>();
	for (let round = 1, rest = portraits; rest.length > 0; round++) {
		const again: Portrait[] = [];
		for await (const painted of paint(rest, round)) {
			const { index } = painted.portrait;
			const kept = better(best.get(index), { ...painted, similarity: await read(painted) });
			best.set(index, kept);
			if (isAlike(kept, check) || round === check.tries) {
				best.delete(index);
				yield { ...kept, warnings: isAlike(kept, check) ? [] : [lowSimilarity(kept, check)] };
			} else {
				again.push({ ...painted.portrait, seed: seeds.of(index, round + 1) });
			}
		}
		rest = again.sort((a, b) => a.index - b.index);
	}
}

function better(before: Try | undefined, painted: Try): Try {
	const of = ({ similarity }: Try) => similarity ?? Number.NEGATIVE_INFINITY;
	return before !== undefined && of(before) >= of(painted) ? before : painted;
}

function isAlike({ similarity }: Try, { minSimilarity }: Check): boolean {
	return similarity !== undefined && similarity >= minSimilarity;
}

function lowSimilarity({ similarity }: Try, { minSimilarity, tries }: Check): Warning {
	const many = tries === 1 ? 'in its one try' : `the best of ${tries} tries`;
	return warning('LOW_SIMILARITY', ({ either }) => {
		const remedy = `Allow more ${either('`tries`', '--tries')}, or ask for less.`;
		return similarity === undefined
			? `The portrait shows no face, ${tries === 1 ? many : `in any of ${tries} tries`}. ${remedy}`
			: `The portrait has a similarity of ${similarity.toFixed(2)} to its identity, below ${minSimilarity}, ${many}. ${remedy}`;
	});
}
