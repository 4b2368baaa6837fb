// Paints the portraits of an evaluation that are not there yet.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Arc2Face } from '../arc2face.ts';
import { makeFolder } from '../files/folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { type ResolvedEvaluation, seedsPerPerson } from '../options/evaluation.ts';
import type { ListedImage } from './people.ts';
import type { KnownPerson } from './survey.ts';

/** Eight rows of the UNet with guidance: the largest batch that a GPU is prepared for, and as much as memory usually holds. */
const batch = 4;

type Order = Readonly<{ person: KnownPerson; seed: number; file: string }>;

/** Of each person, `portraits/<person>/<seed>.png`. */
export function portraitsOf(
	{ name, place }: Pick<KnownPerson, 'name' | 'place'>,
	folder: string,
	{ seed, perIdentity }: Pick<ResolvedEvaluation, 'seed' | 'perIdentity'>,
): (ListedImage & { seed: number })[] {
	return Array.from({ length: perIdentity }, (_, i) => {
		const own = seed + seedsPerPerson * place + i;
		return { seed: own, name: `${name}/${own}.png`, file: join(folder, 'portraits', name, `${own}.png`) };
	});
}

/**
 * Each file is whole as soon as it has its name, so that a run that was interrupted goes on where it was.
 *
 * @param onBegin - told how many are there already, of how many
 * @param onProgress - how many there are, of how many
 */
export async function paintPortraits(
	people: readonly KnownPerson[],
	folder: string,
	options: ResolvedEvaluation,
	{
		model,
		signal,
		onBegin,
		onProgress,
	}: {
		model: Pick<Arc2Face, 'generateEach'>;
		signal: AbortSignal;
		onBegin: (there: number, total: number) => void;
		onProgress: (done: number, total: number) => void;
	},
): Promise<void> {
	const all = people.flatMap((person) => portraitsOf(person, folder, options).map((one) => ({ person, ...one })));
	const left: Order[] = [];
	for (const order of all) if (!(await isThere(order.file))) left.push(order);
	let done = all.length - left.length;
	onBegin(done, all.length);
	const { steps, guidanceScale, sampler, width, height } = options;
	for (let from = 0; from < left.length; from += batch) {
		const orders = left.slice(from, from + batch);
		onProgress(done, all.length);
		const identities = orders.map(({ person }) => person.identity);
		const how = { steps, guidanceScale, sampler, width, height, seed: orders.map(({ seed }) => seed), signal };
		for await (const image of model.generateEach(identities, how)) {
			const { file } = orders[image.index]!;
			await onDisk('create the folder of', file, () => makeFolder(dirname(file)));
			await image.toFile(file, { provenance: { watermark: false } }); // what is measured are pixels as they were painted
			onProgress(++done, all.length);
		}
	}
}

async function isThere(file: string): Promise<boolean> {
	return (await stat(file).catch(() => undefined))?.isFile() === true;
}
