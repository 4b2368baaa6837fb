// All figures of an evaluation, from what the networks have seen.
import {
	type FrechetTask,
	fidFigure,
	frechetOf,
	frechetTasks,
	type NeighbourName,
	neighbourFigures,
} from './distance-figures.ts';
import type { Evidence, Figure } from './evidence.ts';
import type { PoseEstimate } from './pose.ts';
import {
	type Distribution,
	distributionOf,
	identityFigures,
	lookFigures,
	lpipsFigure,
	similaritiesToInput,
} from './similarity-figures.ts';
import { type Verification, type VerificationName, verify } from './verification-figures.ts';

export type FigureName =
	| 'id'
	| 'idToPerson'
	| 'facesFound'
	| 'lpips'
	| 'fid'
	| NeighbourName
	| `${keyof PoseEstimate}Spread`
	| 'expressionSpread'
	| VerificationName;

export type Figures = Readonly<{
	figures: Readonly<Record<FigureName, Figure>>;
	/** Of the portraits' similarities to the photo they were painted from; undefined where no portrait shows a face. */
	similarities: Distribution | undefined;
	/** Of portraits to photos of other people. */
	impostors: Distribution | undefined;
	verification: Pick<Verification, 'roc' | 'pairs'> | undefined;
	/** Similarity of each face in a portrait to the photo it was painted from. */
	toInput: Float64Array;
}>;

/** A piece of work, each for a thread. */
export type Task = Readonly<{ kind: 'all'; evidence: Evidence } | ({ kind: 'frechet' } & FrechetTask)>;

type NotFid = Omit<Figures, 'figures'> & { figures: Omit<Figures['figures'], 'fid'> };
/** Of `frechet` a distance. */
export type Answer = NotFid | number;

export function compute(task: Task): Answer {
	return task.kind === 'frechet' ? frechetOf(task) : allButFid(task.evidence);
}

/**
 * @param missing - why there are no features of Inception and no distances of LPIPS, where there are none
 * @param run - does pieces of work, at once or one after another
 */
export async function figuresOf(
	evidence: Evidence,
	missing: Readonly<Record<'inception' | 'lpips', string>>,
	run: (tasks: readonly Task[]) => Promise<Answer[]>,
): Promise<Figures> {
	const { features } = evidence;
	const fidTasks = features ? frechetTasks(evidence, features) : [];
	const answers = await run([
		{ kind: 'all', evidence },
		...fidTasks.map((task) => ({ kind: 'frechet' as const, ...task })),
	]);
	const [rest, ...distances] = answers as [NotFid, ...number[]];
	const lacking = (why: string): Figure => {
		return { value: null, interval: null, sample: 'nothing', missing: why, lacksNetwork: true, warnings: [] };
	};
	const { figures, ...others } = rest;
	const likewise = lacking('As for FID.');
	const left = features === undefined ? { kid: likewise, precision: likewise, recall: likewise } : {};
	return {
		...others,
		figures: {
			...{ ...figures, ...left },
			lpips: evidence.lpips === undefined ? lacking(missing.lpips) : figures.lpips,
			fid: features === undefined ? lacking(missing.inception) : fidFigure(features, distances),
		},
	};
}

function allButFid(evidence: Evidence): NotFid {
	const toInput = similaritiesToInput(evidence);
	const verification = verify(evidence);
	const nothing = (missing: string): Figure => ({
		value: null,
		interval: null,
		sample: 'nothing',
		missing,
		warnings: [],
	});
	const unverified = nothing('There are no pairs of one person, or none of two.');
	const unknown = nothing('');
	return {
		figures: {
			...identityFigures(evidence, toInput),
			...lookFigures(evidence),
			lpips: evidence.lpips ? lpipsFigure(evidence, evidence.lpips) : unknown,
			...(evidence.features ? neighbourFigures(evidence) : { kid: unknown, precision: unknown, recall: unknown }),
			expressionSpread: nothing('Nothing in this package reads expressions.'),
			...(verification?.figures ?? {
				...{ accuracy: unverified, eer: unverified, auc: unverified },
				...{ tarAtFarTenth: unverified, tarAtFarHundredth: unverified, tarAtFarThousandth: unverified },
			}),
		},
		similarities: distributionOf(toInput),
		impostors: verification && distributionOf(verification.impostors),
		verification: verification && { roc: verification.roc, pairs: verification.pairs },
		toInput,
	};
}
