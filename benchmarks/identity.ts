/**
 * Whether portraits show the right person: everything required of a trained bundle's portraits, measured
 * through the public API on people held out from training, judged by networks that no part of the bundle was trained with.
 * Prints every number next to its requirement, and fails if one is missed.
 *
 *   npm run bench:identity -- [--bundle tiny] [--people 50] [--portraits 4] [--steps 25] [--guidance 3] [--seed 0]
 *                             [--evaluator <file>] [--reader <file>] [--out benchmarks/out/identity]
 *
 * As in the recipe's evaluation, portraits are painted from a person's first photo and compared with the mean of all photos
 * of the person. Writes to --out the numbers (identity.json), histograms of similarities (similarities.png) and all portraits
 * (portraits.png; the last row: the empty prompt).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { readTokens } from '../lib/bundle/tokens.ts';
import { loadChanged } from '../lib/evaluation/changed-model.ts';
import { Arc2Face, type GeneratedImage, type Identity } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';
import { defaultEvaluator, EvaluationModel } from './portraits/evaluation-model.ts';
import { Gallery, type KnownPerson } from './portraits/gallery.ts';
import { groupPeople, measureGroups } from './portraits/groups.ts';
import { bins, histogramPicture } from './portraits/histogram.ts';
import { defaultReader, KeypointReader } from './portraits/keypoint-reader.ts';
import { formatSimilarity } from './portraits/lettering.ts';
import { lookAt, measureDistance, measureLooks, type ShownPhoto, showPhoto } from './portraits/looks.ts';
import {
	measureDiversity,
	measureGuidance,
	measureLikeness,
	measurePhotos,
	measureTurns,
	measureUnconditional,
} from './portraits/measures.ts';
import { readPeople } from './portraits/people.ts';
import type { Portrait } from './portraits/portrait.ts';
import { describeMisses, formatRows, isMet, type Row } from './portraits/requirements.ts';
import { type Cell, contactSheet } from './portraits/sheet.ts';
import { countBins, estimateYaw, median, nearest } from './portraits/statistics.ts';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string', default: 'tiny' },
		people: { type: 'string', default: '50' },
		portraits: { type: 'string', default: '4' },
		steps: { type: 'string', default: '25' },
		guidance: { type: 'string', default: '3' },
		seed: { type: 'string', default: '0' },
		evaluator: { type: 'string', default: defaultEvaluator },
		reader: { type: 'string', default: defaultReader },
		out: { type: 'string', default: join(packageRoot, 'benchmarks', 'out', 'identity') },
	},
});
const everyone = await readPeople();
const people = integer('people', 1, everyone.length);
const each = integer('portraits', 1, 100);
const [steps, guidanceScale, seed] = [Number(values.steps), Number(values.guidance), Number(values.seed)];

/** A portrait to paint. */
type Order = { person: number; seed: number; identity: Identity };
const batch = 4;
const started = performance.now();

await using painter = await Arc2Face.load({ bundle: values.bundle });
await using evaluation = await EvaluationModel.load(painter.info.bundle, values.evaluator);
await using reader = await KeypointReader.load(values.reader);

tell(`Looking at the photos of ${everyone.length} people`);
const gallery = await Gallery.meet(everyone, evaluation);
const photoMeasures = measurePhotos(gallery);

tell(`Painting ${each} portraits of each of ${people} people in ${steps} steps at guidance ${guidanceScale}`);
const orders: Order[] = [];
for (const [person, { photos }] of gallery.people.slice(0, people).entries()) {
	const identity = await painter.encode(photos[0]!.file, { face: photos[0]!.seen });
	for (let i = 0; i < each; i++) orders.push({ person, seed: seed + 1000 * person + i, identity });
}
const times: number[] = [];
const guided = await paint(painter, orders, guidanceScale, times);

tell('Painting the first portrait of each without guidance');
const firsts = orders.filter((_, i) => i % each === 0);
const plain = await paint(painter, firsts, 1);

tell('Painting as many from the empty prompt');
const unconditional = await paintUnconditional(firsts);

const photos = await showPhotos(guided[0]!.image);
const likeness = measureLikeness(guided, gallery);
/** What is asked of portraits of everyone, and of every group. */
const measure = (some: readonly Portrait[]): Row[] => [
	...measureLikeness(some, gallery).rows,
	...measureTurns(some, gallery),
	...measureLooks(some, photos),
	...measureDistance(some, gallery),
];
const rows: Row[] = [
	...photoMeasures.rows,
	...measure(guided),
	...measureGroups(guided, groupPeople(everyone.slice(0, people).map(({ traits }) => traits)), measure),
	...measureDiversity(
		guided,
		gallery,
		photos.map((list) => list.map(({ image }) => image.data)),
	),
	...measureGuidance(guided, plain, guidanceScale),
	...measureUnconditional(unconditional, gallery, photoMeasures.threshold),
	// Machines differ, so it has no requirement here.
	{ name: 'seconds for four portraits (median)', value: median(times) },
];
await write(values.out);

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.log(`Node ${process.version}, ONNX Runtime ${painter.info.version}, bundle ${painter.info.bundle}`);
for (const line of formatRows(rows)) console.log(line);
console.log(`Numbers, histograms and portraits are in ${values.out}`);
const misses = describeMisses(rows);
if (misses !== undefined) {
	console.error(`\n${misses}`);
	process.exitCode = 1;
}

/** Paints in batches of four, and examines the portraits. */
async function paint(
	model: Arc2Face,
	list: readonly Order[],
	scale: number,
	seconds: number[] = [],
): Promise<Portrait[]> {
	const portraits: Portrait[] = [];
	for (let start = 0; start < list.length; start += batch) {
		const some = list.slice(start, start + batch);
		const options = { steps, guidanceScale: scale, seed: some.map((order) => order.seed) };
		const before = performance.now();
		const images = await model.generate(
			some.map(({ identity }) => identity),
			options,
		);
		if (some.length === batch) seconds.push((performance.now() - before) / 1000);
		for (const [i, image] of images.entries()) portraits.push(await look(image, some[i]!));
	}
	return portraits;
}

async function look(image: GeneratedImage, { person }: Order): Promise<Portrait> {
	const seen = await evaluation.see(image);
	const sight = seen && {
		identity: seen.identity,
		similarities: gallery.similarities(seen.identity),
		yaw: estimateYaw(seen.keypoints),
		look: await lookAt(image, seen.keypoints, reader),
	};
	return { person, image, sight };
}

/**
 * The API needs an identity. So the prompt becomes the empty one, and the identity goes where it matters least:
 * to its last token, which no other token sees. The measures tell whether it mattered.
 */
async function paintUnconditional(list: readonly Order[]): Promise<Portrait[]> {
	const { emptyPrompt } = await readTokens(painter.info.bundle, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
	const empty = Array.from(emptyPrompt);
	const tokens = { prompt: empty, empty, identityPosition: empty.length - 1 };
	await using changed = await loadChanged(painter.info.bundle, { tokens: JSON.stringify(tokens) });
	return await paint(changed.model, list, 1);
}

/** Every person's photos, at the size of an image. */
function showPhotos({ width, height }: GeneratedImage): Promise<ShownPhoto[][]> {
	const show = ({ photos }: KnownPerson) => photos.map((photo) => showPhoto(photo, { width, height }, reader));
	return Promise.all(gallery.people.map((person) => Promise.all(show(person))));
}

async function write(folder: string): Promise<void> {
	await mkdir(folder, { recursive: true });
	const kinds = [photoMeasures.similarities, likeness.similarities];
	const numbers = {
		date: new Date().toISOString(),
		bundle: values.bundle,
		evaluator: relative(packageRoot, values.evaluator),
		reader: relative(packageRoot, values.reader),
		people,
		portraits: each,
		steps,
		guidanceScale,
		seed,
		rows: rows.map((row) => ({ ...row, met: isMet(row) })),
		histograms: kinds.map(({ name, same, different }) => {
			return { name, ...bins, same: countBins(same, bins), different: countBins(different, bins) };
		}),
		guided: guided.map(summary),
		plain: plain.map(summary),
		unconditional: unconditional.map(summary),
	};
	await writeFile(join(folder, 'identity.json'), `${JSON.stringify(numbers, null, '\t')}\n`); // NaN becomes null
	await writeFile(join(folder, 'similarities.png'), await histogramPicture(kinds));
	await writeFile(join(folder, 'portraits.png'), await contactSheet(sheetRows(), guided[0]!.image.width));
}

function summary({ person, image, sight }: Portrait) {
	const known = gallery.people[person]!;
	if (sight === undefined) return { person: known.name, seed: image.seed, found: false };
	const closest = gallery.people[nearest(sight.similarities)]?.name;
	return {
		person: known.name,
		seed: image.seed,
		found: true,
		similarity: sight.similarities[person],
		nearest: closest,
		yaw: sight.yaw,
		...sight.look,
	};
}

/** Each person's photo and portraits, then as many from the empty prompt. */
function sheetRows(): Cell[][] {
	const cell = ({ image, person, sight }: Portrait): Cell => {
		return { image: image.sharp(), label: formatSimilarity(sight?.similarities[person]) };
	};
	const rows = gallery.people
		.slice(0, people)
		.map(({ name, photos }, person) => [
			{ image: sharp(photos[0]!.file), label: name.replace('-', ' ') },
			...guided.filter((portrait) => portrait.person === person).map(cell),
		]);
	return [...rows, unconditional.slice(0, each + 1).map(cell)];
}

function integer(name: 'people' | 'portraits', least: number, most: number): number {
	const number = Number(values[name]);
	if (Number.isInteger(number) && number >= least && number <= most) return number;
	throw new Error(`Expected an integer from ${least} to ${most} for --${name} but received ${values[name]}.`);
}

function tell(what: string): void {
	console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${what}`);
}
