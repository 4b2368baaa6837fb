/**
 * The demo: portraits of four held-out people from one photo each, with the embedded bundle. Writes to demo/ the
 * portraits and a sheet of them all, each with its similarity to the person, as judged by the evaluation embedder.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { writeWhole } from '../lib/files/write.ts';
import { Arc2Face, type GeneratedImage } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';
import { defaultEvaluator, EvaluationModel } from './portraits/evaluation-model.ts';
import { Gallery } from './portraits/gallery.ts';
import { formatSimilarity } from './portraits/lettering.ts';
import { readPeople } from './portraits/people.ts';
import { type Cell, contactSheet } from './portraits/sheet.ts';
import { mean } from './portraits/statistics.ts';

// Chosen for their varied looks, before any portraits existed.
const chosen = [6, 12, 25, 36];
const options = { count: 4, steps: 25, guidanceScale: 3, seed: 42 };
const folder = join(packageRoot, 'demo');

await using model = await Arc2Face.load({ bundle: 'tiny' });
await using evaluation = await EvaluationModel.load(model.info.bundle, defaultEvaluator);
const people = (await readPeople()).filter((_, index) => chosen.includes(index));
const gallery = await Gallery.meet(people, evaluation);
await mkdir(folder, { recursive: true });

console.log('person     similarity of portraits     to other people   seconds');
const rows: Cell[][] = [];
for (const [index, { name, photos }] of people.entries()) {
	const photo = photos[0]!;
	const started = performance.now();
	const images = await model.generate(await model.encode(photo.file), options);
	const seconds = (performance.now() - started) / 1000;
	for (const image of images) await image.toFile(join(folder, `${name}-${image.seed}.png`));

	const similarities = await similaritiesOf(images);
	const own = similarities.map((list) => formatSimilarity(list?.[index]));
	const others = similarities.flatMap((list) => list?.toSpliced(index, 1) ?? []);
	const toOthers = formatSimilarity(others.length > 0 ? mean(others) : undefined);
	console.log(
		`${name}  ${own.map((text) => text.padStart(5)).join('  ')}  ${toOthers.padStart(15)}  ${seconds.toFixed(1).padStart(8)}`,
	);
	rows.push([
		{ image: sharp(photo.file), label: 'photo' },
		...images.map((image, i) => ({ image: image.sharp(), label: own[i]! })),
	]);
}
const sheet = join(folder, 'sheet.png');
await writeWhole(sheet, await contactSheet(rows, 192));
if (rows.flat().some(({ label }) => label === formatSimilarity(undefined))) {
	console.log('–: no face was found');
}
console.log(`\nThe portraits are in ${folder}, all together in ${sheet}`);

/** Of each portrait, to the four people; empty where no face is found. */
async function similaritiesOf(images: readonly GeneratedImage[]): Promise<(number[] | undefined)[]> {
	const similarities: (number[] | undefined)[] = [];
	for (const image of images) {
		const sight = await evaluation.see(image);
		similarities.push(sight && gallery.similarities(sight.identity));
	}
	return similarities;
}
