// Whether a run has any prospect: before anything of it is written, its first tries are painted until one is fit.
import type { Arc2Face } from '../arc2face.ts';
import { Arc2FaceError } from '../errors.ts';
import { embeddingLength, Identity } from '../identity.ts';
import type { Sentence } from '../messages/wording.ts';
import { orderOf } from './person.ts';
import type { Run } from './run.ts';
import { isFit, type Order, Studio } from './studio.ts';

/** So many that where one of ten is fit, one run of 550 is given up for nothing (0.9⁶⁰). */
const mostTries = 60;

/**
 * What is painted here is painted again later: usually one image. It depends on the run alone, so that all its parts are judged alike.
 *
 * @param identities - [people, 512]
 * @param options.onProgress - tries, none of which was fit, of how many
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` if none of the first sixty is fit, or of all, if they are fewer; what painting throws; the signal's
 *   reason
 */
export async function requireProspect(
	model: Arc2Face,
	run: Run,
	identities: Float32Array,
	{ onProgress, signal }: { onProgress: (done: number, total: number) => void; signal: AbortSignal },
): Promise<void> {
	const studio = new Studio(model, run, 1);
	const total = Math.min(mostTries, run.people * run.images * run.tries);
	let faceless = 0;
	let best = Number.NEGATIVE_INFINITY;
	let done = 0;
	for (const order of firstTries(run)) {
		const { person } = order;
		const identity = Identity.from(identities.subarray(person * embeddingLength, (person + 1) * embeddingLength));
		const shot = await studio.make(order, identity, signal);
		if (isFit(shot)) return;
		if (shot.shown === undefined) faceless++;
		else best = Math.max(best, shot.similarity);
		onProgress(++done, total);
		if (done === total) break;
	}
	throw hopeless(run, { total, faceless, best });
}

/** One image of each person before the next of anybody. */
function* firstTries(run: Run): Generator<Order> {
	for (let attempt = 1; attempt <= run.tries; attempt++) {
		for (let image = 0; image < run.images; image++) {
			for (let person = 0; person < run.people; person++) yield orderOf(run, { person, image }, attempt);
		}
	}
}

function hopeless(
	{ source, minSimilarity }: Run,
	{ total, faceless, best }: { total: number; faceless: number; best: number },
): Arc2FaceError {
	const unlike = total - faceless;
	const reasons = [
		...(faceless > 0 ? [`${faceless} without a face`] : []),
		...(unlike > 0
			? [`${unlike} unlike their person (similarity at most ${best.toFixed(2)}, not ${minSimilarity})`]
			: []),
	];
	const problem = `None of the first ${total} images is fit to be kept: ${reasons.join(', ')}.`;
	const why = source.kind === 'sphere' ? 'Most directions are far from all faces. ' : '';
	const remedy: Sentence = ({ option }) =>
		`${why}Pass embeddings of people that the model knows (arc2face encode writes them) with ${option('from')} or ${option('list')}, ` +
		`or ask for less similarity with ${option('minSimilarity')}. Nothing was written.`;
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'minSimilarity' } });
}
