// What Arc2Face's paper reports (Papantoniou et al. 2024, https://arxiv.org/abs/2403.11641), and what a run has in common with it.
import type { FigureName } from './figures.ts';

/** Of portraits of the people in AgeDB. */
export const paperRow: Readonly<{
	name: string;
	source: string;
	figures: Readonly<Partial<Record<FigureName, number>>>;
}> = {
	name: 'Paper, AgeDB',
	source: 'https://arxiv.org/abs/2403.11641',
	figures: { id: 0.796, lpips: 0.508, fid: 6.628 },
};

/** What both figures have to have in common to be compared; `same` is null where it can't be told here. */
export type Condition = Readonly<{ what: string; paper: string; here: string; same: boolean | null }>;

export function comparability({
	photos,
	isPainted,
	perIdentity,
	steps,
	guidanceScale,
	size,
	isOfficial,
	judge,
}: {
	/** What the photos are called here. */
	photos: string;
	isPainted: boolean;
	/** Of each person: one number, or several. */
	perIdentity: readonly number[];
	steps: number;
	guidanceScale: number;
	size: string;
	isOfficial: Readonly<{ unet: boolean; recogniser: boolean }>;
	judge: string;
}): Condition[] {
	const numbers = [...new Set(perIdentity)].sort((a, b) => a - b);
	const each = numbers.length < 4 ? numbers.join(', ') : `${numbers[0]} to ${numbers.at(-1)}`;
	const painting: Condition[] = isPainted
		? [
				{ what: 'Weights', paper: 'official', here: isOfficial.unet ? 'official' : 'others', same: isOfficial.unet },
				{ what: 'Steps', paper: '25', here: String(steps), same: steps === 25 },
				{ what: 'Guidance', paper: '3', here: String(guidanceScale), same: guidanceScale === 3 },
			]
		: [{ what: 'Painted by', paper: 'Arc2Face', here: 'others, who know how', same: null }];
	return [
		{ what: 'Photos', paper: 'AgeDB', here: `“${photos}”`, same: null },
		...painting,
		{ what: 'Portraits of a person', paper: '5', here: each, same: each === '5' },
		{ what: 'Size', paper: '512 × 512', here: size, same: size === '512 × 512' },
		{ what: 'Recogniser that judges', paper: 'ArcFace', here: judge, same: isOfficial.recogniser ? null : false },
	];
}
