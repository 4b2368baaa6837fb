/**
 * How long it takes to compare a candidate for a new identity with all that there are, beside a plain loop in JavaScript and beside painting: first checks that
 * both find the same, to the last bit, then times them, alternating. Fails where a candidate takes more than 1 ms and more than a tenth of painting
 * an identity's ten images.
 *
 *   npm run bench:search -- [--identities 10000,100000] [--rounds 5] [--json]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { chooseIdentities } from '../lib/dataset/identities/choose.ts';
import { Arc2Face } from '../lib/index.ts';
import { loadNative } from '../lib/native.ts';
import { mediansOf, type Times, timed } from './times.ts';

const { values } = parseArgs({
	options: {
		identities: { type: 'string', default: '10000,100000' },
		rounds: { type: 'string', default: '5' },
		json: { type: 'boolean', default: false },
	},
});
const rounds = Number(values.rounds);
const length = 512;
/** As many as `chooseIdentities` has at a time; a loop in JavaScript has fewer, because it has them one by one. */
const candidates = 256;
const candidatesOfLoop = 8;
const images = 10;

const native = loadNative();

/** The nearest of `data` to a vector, as the index defines it; lengths are known beforehand there, too. */
function loop(vector: Float32Array, data: Float32Array, lengths: Float64Array): { similarity: number; index: number } {
	const own = lengthOf(vector);
	let best = { similarity: Number.NEGATIVE_INFINITY, index: -1 };
	for (let index = 0, at = 0; at < data.length; index++, at += length) {
		let sum = 0;
		for (let k = 0; k < length; k++) sum += vector[k]! * data[at + k]!;
		const similarity = sum / (own * lengths[index]!);
		if (similarity > best.similarity) best = { similarity, index };
	}
	return best;
}

function lengthOf(vector: Float32Array): number {
	return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
}

/** Of each of as many as the work is for. */
async function shareOf(work: () => Promise<unknown>, count: number): Promise<Times> {
	const { clock, processor } = await timed(work);
	return { clock: clock / count, processor: processor / count };
}

async function measure(identities: number) {
	const source = native.openIdentitySource({ seed: 1 });
	const data = await source.draw(identities).promise;
	const asked = await source.draw(candidates).promise;
	const vectors = Array.from({ length: candidatesOfLoop }, (_, i) => asked.subarray(i * length, (i + 1) * length));
	const lengths = Float64Array.from({ length: identities }, (_, i) =>
		lengthOf(data.subarray(i * length, (i + 1) * length)),
	);
	const index = native.openIdentityIndex();
	await index.add(data).promise;

	const found = await index.find(asked).promise;
	for (const [i, vector] of vectors.entries()) {
		const { similarity, index: at } = loop(vector, data, lengths);
		if (!(found.similarities[i] === similarity && found.indices[i] === at)) {
			throw new Error(
				`candidate ${i} of ${identities}: ${found.similarities[i]} at ${found.indices[i]}, not ${similarity} at ${at}`,
			);
		}
	}

	const [searches, loops]: [Times[], Times[]] = [[], []];
	for (let round = 0; round < rounds; round++) {
		searches.push(await shareOf(() => index.find(asked).promise, candidates));
		loops.push(await shareOf(async () => vectors.map((vector) => loop(vector, data, lengths)), candidatesOfLoop));
	}
	index.dispose();
	return { identities, search: mediansOf(searches), loop: mediansOf(loops) };
}

/** Ten images of one identity, by the fastest preset of the embedded bundle. */
async function painting(): Promise<Times> {
	await using model = await Arc2Face.load({ bundle: 'tiny' });
	const identity = await native.openIdentitySource({ seed: 2 }).draw(1).promise;
	const paint = () => model.generate(identity, { count: images, preset: 'draft', seed: 1 });
	await paint();
	const times: Times[] = [];
	for (let round = 0; round < rounds; round++) times.push(await timed(paint));
	return mediansOf(times);
}

const rows = [];
for (const identities of values.identities.split(',').map(Number)) rows.push(await measure(identities));
const paint = await painting();
const chosen = 10_000;
const choosing = await timed(() => chooseIdentities({ kind: 'sphere' }, { count: chosen, seed: 1, maxCosine: 0.3 }));

const largest = rows.at(-1)!;
const share = largest.search.clock / paint.clock;
const passed = largest.search.clock <= 1 || share <= 0.1;
if (values.json) {
	console.log(JSON.stringify({ rows, images, paint, chosen, choosing, passed }));
} else {
	const ms = ({ clock, processor }: Times) => `${clock.toFixed(3)} | ${processor.toFixed(3)}`;
	console.log(
		`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}\n`,
	);
	console.log(`Milliseconds a candidate, median of ${rounds} rounds; the same nearest identities, to the last bit\n`);
	console.log('| identities | index, by the clock | of processors | loop, by the clock | of processors | times |');
	console.log('| --- | --- | --- | --- | --- | --- |');
	for (const { identities, search, loop } of rows) {
		const times = loop.processor / search.processor;
		console.log(`| ${identities} | ${ms(search)} | ${ms(loop)} | ${times.toFixed(1)} |`);
	}
	console.log(
		`\nPainting ${images} images of one identity with preset draft: ${paint.clock.toFixed(0)} ms by the clock,`,
	);
	console.log(
		`${paint.processor.toFixed(0)} ms of processors. A candidate among ${largest.identities} is ${(100 * share).toFixed(2)} % of that.`,
	);
	console.log(
		`Choosing ${chosen} identities on the sphere: ${(choosing.clock / 1000).toFixed(1)} s, ${(choosing.processor / 1000).toFixed(1)} s of processors.`,
	);
	console.log(
		passed ? 'Passed: at most 1 ms, or a tenth of painting.' : 'Failed: more than 1 ms, and than a tenth of painting.',
	);
}
process.exitCode = passed ? 0 : 1;
