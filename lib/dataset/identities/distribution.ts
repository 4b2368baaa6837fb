// A normal distribution fitted to embeddings, by its principal components.
import { createRequire } from 'node:module';
import { setImmediate as givingWay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Moments } from '../../evaluation/moments.ts';
import { count, row, type Vectors } from '../../evaluation/vectors.ts';
import { invalid } from '../../options/check.ts';
import { answerOf } from '../../threads/answer.ts';

/** `components` is [n, 512]: directions without correlation, each as long as its standard deviation, the longest first. */
export type Distribution = Readonly<{ mean: Float64Array; components: Float64Array }>;

/**
 * The mean and the principal components of embeddings. Of a normal distribution with their mean and covariance, weights of the components are independent and
 * standard normal. Arc2Face's own data set has its identities from a PCA of the embeddings of WebFace42M (Papantoniou et al. 2024,
 * https://arxiv.org/abs/2403.11641, on face recognition); with all components, as here by default, it is that whole distribution.
 *
 * Only IEEE 754's exactly rounded operations take part, in an order of their own: the same bits on every machine.
 *
 * @param vectors - of length 1, at least two that differ
 * @param components - how many are kept, those with the largest variance; fewer than there are vectors, at most 512 (default: all)
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
 */
export async function fitDistribution(
	vectors: Vectors,
	components: number | undefined,
	signal?: AbortSignal,
): Promise<Distribution> {
	const { length } = vectors;
	const moments = new Moments(length);
	for (let i = 0; i < count(vectors); i++) {
		if (i % vectorsAtATime === 0) await givingWay(undefined, { signal });
		moments.add(row(vectors, i));
	}
	const { variances, directions } =
		moments.count < 2 ? nothing : await principalComponents(moments.covariance(), length, signal);
	// What else there is, is rounding.
	const least = length * Number.EPSILON * (variances.at(-1) ?? 0);
	const all = variances.filter((variance) => variance > least).length;
	if (all === 0) throw invalid('at least two that differ', 'embeddings', `${moments.count} of one person`);
	if (components !== undefined && components > all) {
		throw invalid(`at most ${all}, as many as these embeddings have,`, 'components', `${components}`);
	}
	const kept = components ?? all;
	const scaled = new Float64Array(kept * length);
	for (let n = 0; n < kept; n++) {
		const at = length - 1 - n;
		const deviation = Math.sqrt(variances[at]!);
		for (let k = 0; k < length; k++) scaled[n * length + k] = deviation * directions[k * length + at]!;
	}
	return { mean: moments.mean, components: scaled };
}

/** Some 20 milliseconds of sums of products. */
const vectorsAtATime = 128;

/** Variances, the smallest first, and the directions that they belong to, as columns. */
type Principal = { variances: Float64Array; directions: Float64Array };

const nothing: Principal = { variances: new Float64Array(), directions: new Float64Array() };

/** In a thread of its own: a second for 512 numbers. */
function principalComponents(covariance: Float64Array, length: number, signal?: AbortSignal): Promise<Principal> {
	const library = createRequire(import.meta.url).resolve('ml-matrix');
	const workerData = { covariance, length, library };
	const start = () => new Worker(decomposer, { eval: true, execArgv: [], workerData });
	return answerOf(start, { signal, read: (principal: Principal) => principal });
}

/** Plain JavaScript, so that it also runs from a clone. */
const decomposer = `
const { parentPort, workerData } = require('node:worker_threads');
const { covariance, length, library } = workerData;
const { EigenvalueDecomposition, Matrix } = require(library);
const matrix = Matrix.from1DArray(length, length, covariance);
const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
parentPort.postMessage({
	variances: Float64Array.from(realEigenvalues),
	directions: Float64Array.from(eigenvectorMatrix.to1DArray()),
});
`;
