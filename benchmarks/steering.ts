/**
 * Whether each feature of the embedded bundle does its job, on people held out from training, judged by networks that no part of the bundle
 * was trained with. Prints every number next to what is asked of it, and fails if one is missed.
 *
 *   npm run bench:steering -- [--bundle tiny] [--people 24] [--seed 0] [--out benchmarks/out/steering]
 *
 * Writes to --out the numbers (steering.json) and a sheet with a row for each feature (steering.png).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { Arc2Face, type GeneratedImage, type GenerateOptions, type Identity, type RawPhoto } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';
import { correlation, meanColourDistance } from './portraits/alike.ts';
import { defaultEvaluator, EvaluationModel } from './portraits/evaluation-model.ts';
import { Gallery } from './portraits/gallery.ts';
import { formatSimilarity } from './portraits/lettering.ts';
import { defaultObserver, type Observed, Observer } from './portraits/observer.ts';
import { readPeople } from './portraits/people.ts';
import { photoPixels } from './portraits/photo-pixels.ts';
import { describeMisses, formatRows, isMet, type Row } from './portraits/requirements.ts';
import { type Cell, contactSheet } from './portraits/sheet.ts';
import { mean } from './portraits/statistics.ts';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string', default: 'tiny' },
		people: { type: 'string', default: '24' },
		seed: { type: 'string', default: '0' },
		out: { type: 'string', default: join(packageRoot, 'benchmarks', 'out', 'steering') },
	},
});
const count = Number(values.people);
const seed = Number(values.seed);
/** Of a sheet's row. */
const shown = 8;

/** Limits of the poses that are asked for, in degrees: those that the bundle has seen. */
const limits = { yaw: 40, pitch: 20, roll: 15 } as const;

await using model = await Arc2Face.load({
	...{ bundle: values.bundle, edit: true, control: true, expression: true, reference: true },
});
await using lcm = await Arc2Face.load({ bundle: values.bundle, loras: ['lcm'] });
await using tiny = await Arc2Face.load({ bundle: values.bundle, decoder: 'taesd' });
await using evaluation = await EvaluationModel.load(model.info.bundle, defaultEvaluator);
await using observer = await Observer.load(defaultObserver);

const everyone = (await readPeople()).slice(0, count);
const gallery = await Gallery.meet(everyone, evaluation);
const identities: Identity[] = [];
for (const { photos } of gallery.people)
	identities.push(await model.encode(photos[0]!.file, { face: photos[0]!.seen }));
/** Of everybody, a photo of the next one, and its pixels: what is edited, and referred to. */
const others = gallery.people.map((_, k) => gallery.people[(k + 1) % gallery.people.length]!.photos[0]!);
const originals = await Promise.all(others.map(({ file }) => photoPixels(file, model.info.imageSize)));
const sheet: Cell[][] = [];
const rows: Row[] = [];

/** A portrait of everybody, of whom it shows who is asked for, and how. */
type Seen = { image: GeneratedImage; similarity: number | undefined; observed: Observed | undefined };

const plain = await paintAll('plain', model, () => ({}));
const likeness = similarityOf(plain);
rows.push({ name: 'plain: likeness', value: likeness });
await measureLcm();
await measureTiny();
await measurePose();
await measureExpressions();
await measureEdits();
await measureReference();

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.log(
	`Node ${process.version}, ONNX Runtime ${model.info.version}, bundle ${model.info.bundle}, ${count} people`,
);
for (const line of formatRows(rows)) console.log(line);
await mkdir(values.out, { recursive: true });
const numbers = {
	date: new Date().toISOString(),
	people: count,
	seed,
	rows: rows.map((row) => ({ ...row, met: isMet(row) })),
};
await writeFile(join(values.out, 'steering.json'), `${JSON.stringify(numbers, null, '\t')}\n`);
await writeFile(join(values.out, 'steering.png'), await contactSheet(sheet, plain[0]!.image.width));
console.log(`Numbers and portraits are in ${values.out}`);
const misses = describeMisses(rows);
if (misses !== undefined) {
	console.error(`\n${misses}`);
	process.exitCode = 1;
}

async function paintAll(
	name: string,
	painter: Arc2Face,
	options: (person: number) => GenerateOptions,
	people = count,
): Promise<Seen[]> {
	console.error(`Painting ${name}`);
	const painted = await Promise.all(
		identities.slice(0, people).map(async (identity, person) => {
			const [image] = await painter.generate(identity, { seed: seed + 1000 * person, ...options(person) });
			return image;
		}),
	);
	const seen: Seen[] = [];
	for (const [person, image] of painted.entries()) {
		const sight = await evaluation.see(image);
		seen.push({
			image,
			similarity: sight && gallery.people[person]!.identity.similarity(sight.identity),
			observed: sight && (await observer.observe(image, sight.keypoints)),
		});
	}
	sheet.push(
		seen
			.slice(0, shown)
			.map(({ image, similarity }) => ({ image: image.sharp(), label: formatSimilarity(similarity) })),
	);
	return seen;
}

function similarityOf(seen: readonly Seen[]): number {
	return mean(seen.flatMap(({ similarity }) => similarity ?? []));
}

function kept(feature: string, seen: readonly Seen[]): Row[] {
	return [
		{ name: `${feature}: likeness, of the plain portraits'`, value: similarityOf(seen) / likeness },
		{ name: `${feature}: faces found`, value: mean(seen.map(({ observed }) => Number(observed !== undefined))) },
	];
}

async function measureLcm(): Promise<void> {
	const few = await paintAll('in 4 steps of LCM', lcm, () => ({}));
	rows.push({
		name: "lcm: likeness in 4 steps, of that in 25 guided ones'",
		value: similarityOf(few) / likeness,
		asked: { least: 0.9 },
	});
}

async function measureTiny(): Promise<void> {
	const small = await paintAll('with the tiny decoder', tiny, () => ({}));
	const errors = small.map(({ image }, k) => {
		const other = plain[k]!.image.data;
		return mean(Array.from(image.data, (value, i) => (value - other[i]!) ** 2));
	});
	rows.push(...kept('taesd', small), {
		name: 'taesd: PSNR to the VAE, dB',
		value: 10 * Math.log10(255 ** 2 / mean(errors)),
	});
}

async function measurePose(): Promise<void> {
	// Spread evenly, each axis in another order.
	const spread = (k: number, step: number, limit: number) => limit * ((2 * ((k * step) % count) + 1) / count - 1);
	const poses = identities.map((_, k) => ({
		yaw: spread(k, 1, limits.yaw),
		pitch: spread(k, 7, limits.pitch),
		roll: spread(k, 11, limits.roll),
	}));
	const posed = await paintAll('in poses', model, (person) => ({ control: { pose: poses[person]! } }));
	for (const axis of ['yaw', 'pitch', 'roll'] as const) {
		const off = (seen: readonly Seen[]) =>
			mean(seen.flatMap(({ observed }, k) => (observed ? Math.abs(observed[axis] - poses[k]![axis]) : [])));
		rows.push(
			{ name: `pose: ${axis} found less that asked for, mean degrees`, value: off(posed), asked: { most: 5 } },
			{ name: `pose: ${axis} of the plain portraits less that`, value: off(plain) },
		);
	}
	rows.push(...kept('pose', posed));
}

async function measureExpressions(): Promise<void> {
	const some = Math.min(count, 12);
	for (const name of model.info.expressions) {
		// Of heads that are turned away the observer reads less: without a pose, 5 of 12 smiles instead of 8.
		const asked: GenerateOptions = { expression: name, control: { pose: {} } };
		const seen = await paintAll(`the expression ${name}`, model, () => asked, some);
		const found = new Map<string, number>(model.info.expressions.map((one) => [one, 0]));
		for (const { observed } of seen) {
			if (observed === undefined) continue;
			const read = observer.nameOf(observed);
			found.set(read, (found.get(read) ?? 0) + 1 / some);
		}
		const right = found.get(name)!;
		const wrong = Math.max(...[...found].filter(([one]) => one !== name).map(([, share]) => share));
		rows.push(
			{
				name: `expression ${name}, facing ahead: found, less the one most often found instead`,
				value: right - wrong,
				asked: { above: 0 },
			},
			{ name: `expression ${name}, facing ahead: found`, value: right },
		);
	}
}

async function measureEdits(): Promise<void> {
	const { width, height } = plain[0]!.image;
	sheet.push(
		originals
			.slice(0, shown)
			.map(({ data }) => ({ image: sharp(data, { raw: { width, height, channels: 3 } }), label: '' })),
	);
	const before = mean(gallery.people.map(({ identity }, k) => identity.similarity(others[k]!.identity)));
	const changed = await paintAll('from photos', model, (person) => ({ image: originals[person]!, strength: 0.5 }));
	const alike = (seen: readonly Seen[]) =>
		mean(seen.map(({ image }, k) => correlation(image.data, originals[k]!.data)));
	rows.push(
		{
			name: 'image-to-image at 0.5: correlation of pixels with the photo',
			value: alike(changed),
			asked: { above: alike(plain) },
		},
		{ name: 'image-to-image at 0.5: that of the plain portraits', value: alike(plain) },
		{
			name: 'image-to-image at 0.5: likeness to the person asked for',
			value: similarityOf(changed),
			asked: { above: before },
		},
		{ name: "image-to-image at 0.5: the photo's own", value: before },
	);

	// The face is painted anew, the rest is kept.
	const mask: RawPhoto = { data: new Uint8Array(width * height), width, height, channels: 1 };
	const inside = (x: number, y: number) => ((x / width - 0.5) / 0.26) ** 2 + ((y / height - 0.52) / 0.34) ** 2 < 1;
	for (let i = 0; i < width * height; i++) mask.data[i] = inside(i % width, Math.floor(i / width)) ? 255 : 0;
	const outside = Array.from(mask.data, (value) => value === 0);
	for (const overlay of [false, true]) {
		const name = `inpainting${overlay ? ' with overlay' : ''}`;
		const filled = await paintAll(name, model, (person) => ({ image: originals[person]!, mask, overlay }));
		const moved = mean(filled.map(({ image }, k) => meanColourDistance(image.data, originals[k]!.data, outside)));
		rows.push(
			{
				name: `${name}: mean change of colours outside of the mask, 0 to 255`,
				value: moved,
				...(overlay && { asked: { most: 0 } }),
			},
			{ name: `${name}: likeness to the person asked for`, value: similarityOf(filled), asked: { above: before } },
		);
	}
}

async function measureReference(): Promise<void> {
	const { width, height } = plain[0]!.image;
	const referring = await paintAll('with references', model, (person) => ({
		reference: { photo: others[person]!.file, align: false },
	}));
	// Heads of other shapes leave the upper corners.
	const corners = Array.from({ length: width * height }, (_, i) => {
		const [x, y] = [i % width, Math.floor(i / width)];
		return y < height / 4 && (x < width / 8 || x >= (7 * width) / 8);
	});
	const off = (seen: readonly Seen[]) =>
		mean(seen.map(({ image }, k) => meanColourDistance(image.data, originals[k]!.data, corners)));
	rows.push(
		{
			name: 'reference: distance of the colours of the backdrop, 0 to 255',
			value: off(referring),
			asked: { below: off(plain) / 2 },
		},
		{ name: 'reference: that of the plain portraits', value: off(plain) },
		...kept('reference', referring),
	);
}
