// The weights and images of the golden cases of the networks that judge images.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { exactly, type GoldenCase, goldenFolder, readGolden } from './golden.ts';
import type { Photo } from './inside.ts';
import { type WeightRecipe, writeByRecipe } from './weights-by-recipe.ts';

const photo = fileURLToPath(new URL('fixtures/astronaut.png', import.meta.url));
const recipeOf = (name: string) =>
	JSON.parse(readFileSync(`${goldenFolder}metrics/${name}.json`, 'utf8')).recipe as WeightRecipe;

type Stored = Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;

/** Pytorch-fid's file. @param others - tensors that it also has, or has instead */
export async function writeInceptionWeights(file: string, others: Stored = {}): Promise<void> {
	const golden = readGolden('metrics/inception');
	const recipe = recipeOf('inception');
	const layers = Object.keys(recipe.tensors).filter((name) => name.endsWith('.bn.weight'));
	const statistics = exactly(94, layers, 'layers').flatMap((name) =>
		['running_mean', 'running_var'].map((statistic) => name.replace(/weight$/, statistic)),
	);
	const stored = statistics.map((name) => {
		const { shape, data } = golden.tensor(`shared/${name}`);
		return [name, { shape, data: data as Float32Array }] as const;
	});
	await writeByRecipe(recipe, file, { ...Object.fromEntries(stored), ...others });
}

/** Torchvision's file. */
export async function writeAlexNetWeights(file: string, others: Stored = {}): Promise<void> {
	await writeByRecipe(recipeOf('lpips'), file, others);
}

/** That of lpips. */
export async function writeLpipsHeads(file: string, others: Stored = {}): Promise<void> {
	const golden = readGolden('metrics/lpips');
	const heads = [0, 1, 2, 3, 4].map((k) => {
		const data = golden.floats(`shared/lin${k}`) as Float32Array;
		return [`lin${k}.model.1.weight`, { shape: [1, data.length, 1, 1], data }] as const;
	});
	await writeByRecipe({ ...recipeOf('lpips'), tensors: {} }, file, { ...Object.fromEntries(heads), ...others });
}

/** An image of a golden case: a part of the photo, or a tensor [height, width, 3]. */
export async function goldenImage(
	golden: Pick<ReturnType<typeof readGolden>, 'tensor'>,
	rectangle: GoldenCase['photo_rect'],
	tensor: string | undefined,
): Promise<Photo> {
	if (rectangle === undefined) {
		const { shape, data } = golden.tensor(tensor!);
		const [height, width] = shape as [number, number, number];
		return { width, height, data: data as Uint8Array };
	}
	const [left, top, width, height] = rectangle as [number, number, number, number];
	const data = await sharp(photo).extract({ left, top, width, height }).removeAlpha().raw().toBuffer();
	return { width, height, data: new Uint8Array(data) };
}
