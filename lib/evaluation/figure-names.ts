// What figures are called, how they are made, and how their numbers are written.
import type { Figure } from './evidence.ts';
import type { FigureName } from './figures.ts';
import { mostPairsOfPerson } from './portrait-pairs.ts';

export type Naming = Readonly<{ title: string; how: string; unit?: '°'; digits: number; better?: 'more' | 'less' }>;

const spread = (angle: string, by: string) =>
	`Standard deviation of ${angle} among the portraits of one person, estimated from the five keypoints of each face: ${by}.`;
const tar = (far: string) =>
	`Share of pairs of one person that are accepted at a threshold at which at most ${far} of the pairs of two people are.`;

/** In the order of reports. */
export const figureNames: Readonly<Record<FigureName, Naming>> = {
	id: {
		title: 'ID: similarity to the input',
		how: 'Mean cosine of the angle between the embedding of a portrait and that of the photo it was painted from. Portraits without a face have none.',
		...{ digits: 3, better: 'more' },
	},
	idToPerson: {
		title: 'Similarity to the person',
		how: "The same to the mean of all of the person's photos, brought back to length 1. In the column of photos: each to the mean of the others.",
		...{ digits: 3, better: 'more' },
	},
	facesFound: {
		title: 'Portraits with a face',
		how: 'Share of portraits in which the detector finds a face.',
		...{ digits: 3, better: 'more' },
	},
	lpips: {
		title: 'LPIPS: difference',
		how: `Mean LPIPS (version 0.1, AlexNet) over all pairs of portraits of one person; of whom has more than ${mostPairsOfPerson}, so many are drawn. More means more different portraits.`,
		...{ digits: 3, better: 'more' },
	},
	fid: {
		title: 'FID',
		how: 'Fréchet distance between portraits and photos, in the 2048 features of the Inception network that FID uses (pool3).',
		...{ digits: 3, better: 'less' },
	},
	kid: {
		title: 'KID',
		how: 'Squared maximum mean discrepancy of the same features with the kernel (x · y / 2048 + 1)³, unbiased, over all pairs; it may be a little below 0.',
		...{ digits: 5, better: 'less' },
	},
	precision: {
		title: 'Precision',
		how: 'Share of portraits that lie in a ball around a photo that reaches to its third nearest photo, in the same features.',
		...{ digits: 3, better: 'more' },
	},
	recall: {
		title: 'Recall',
		how: 'Share of photos that lie in such a ball around a portrait.',
		...{ digits: 3, better: 'more' },
	},
	yawSpread: {
		title: 'Spread of yaw',
		how: spread(
			'how far heads turn',
			'by how far the nose is beside the middle of the eyes. Of a face alone the estimate is off by some 5°',
		),
		unit: '°',
		digits: 1,
	},
	pitchSpread: {
		title: 'Spread of pitch',
		how: spread(
			'how far heads nod',
			'by where the nose is between the eyes and the mouth. Of a face alone the estimate is off by some 6°',
		),
		unit: '°',
		digits: 1,
	},
	rollSpread: {
		title: 'Spread of roll',
		how: spread('how far heads lean', 'by the line of the eyes'),
		unit: '°',
		digits: 1,
	},
	expressionSpread: { title: 'Spread of expression', how: 'Left out.', digits: 3 },
	accuracy: {
		title: 'Verification accuracy',
		how:
			"LFW's protocol on pairs of a portrait and a photo, as many of one person as of two: in each of ten folds, by the threshold that is best in the other nine. " +
			'Folds follow an order of people that the seed draws.',
		...{ digits: 3, better: 'more' },
	},
	eer: {
		title: 'Equal error rate',
		how: 'Where as large a share of pairs of two people is accepted as is refused of pairs of one.',
		...{ digits: 3, better: 'less' },
	},
	auc: {
		title: 'Area under the ROC',
		how: 'How often a pair of one person is more alike than a pair of two.',
		...{ digits: 4, better: 'more' },
	},
	tarAtFarTenth: { title: 'TAR at FAR 0.1', how: tar('a tenth'), digits: 3, better: 'more' },
	tarAtFarHundredth: { title: 'TAR at FAR 0.01', how: tar('a hundredth'), digits: 3, better: 'more' },
	tarAtFarThousandth: { title: 'TAR at FAR 0.001', how: tar('a thousandth'), digits: 3, better: 'more' },
};

/** With a true minus, and none before zeros. */
export function written(value: number, { digits, unit }: Pick<Naming, 'digits' | 'unit'>): string {
	const number = value
		.toFixed(digits)
		.replace(/^-(?=[0.]*$)/, '')
		.replace('-', '−');
	return unit === undefined ? number : `${number}${unit}`;
}

export function writtenInterval(
	{ interval }: Pick<Figure, 'interval'>,
	naming: Pick<Naming, 'digits' | 'unit'>,
): string | undefined {
	return interval === null ? undefined : `${written(interval[0], naming)} to ${written(interval[1], naming)}`;
}
