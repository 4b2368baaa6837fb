// The runtimes that tests of whole models can use, and why others are not available.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { explain } from '../lib/device/obstacles.ts';
import { type Product, products, productTable } from '../lib/engines/products.ts';
import { EngineRuntimes } from '../lib/engines/runtimes.ts';
import { loadNative } from '../lib/native.ts';
import type { LoadOptions } from '../lib/options/load.ts';
import { standIn } from './engines.ts';
import { insideFile } from './inside.ts';

/** Something that runs models, for tests written once for all of them. */
export type Runtime = Readonly<{
	name: string;
	device: NonNullable<LoadOptions['device']>;
	/** What `model.info` says. */
	provider: string;
	/** Provider library that ARC2FACE_PROVIDER names while in use; undefined: the CPU, which has none. */
	library?: string;
	/** Whether its networks compute in the host's memory, without a GPU. */
	onHost: boolean;
	/** How far a level of an image may be off if other images share its batch, and why. */
	tolerance: 0 | 1 | 2;
	/** The tolerance is for the average of an image's levels, not for each. */
	onAverage?: true;
	/** Why it can't be used here; undefined when it can. */
	reason?: string;
}>;

const { gpus, obstacle = 'there is no GPU' } = loadNative().findGpus();
const withoutGpu = gpus.length === 0 ? obstacle : undefined;
const beside = (name: string) => join(dirname(insideFile), `${name}.so`);
const missing = (file: string) => (existsSync(file) ? undefined : `this build has no ${file}`);

/** A provider library around another one, in which calls fail on request. */
export const faultyProvider = join(dirname(insideFile), 'arc2face_faulty_provider.node');
export type Faults = {
	/** Restarts counting calls at 0; the call of this number, unless -1, fails with this status. */
	restart(failAt: number, status: number): void;
	/** `evaluations`: of UNets, among the calls. */
	state(): { calls: number; evaluations: number; engines: number; contexts: number };
};
export const openFaults = () => createRequire(import.meta.url)(faultyProvider) as Faults;

/** Why NVIDIA's libraries of a product can't be used here. */
async function withoutProduct(product: Product): Promise<{ library: string; reason?: string }> {
	const library = join(dirname(insideFile), '..', `${productTable[product].provider}.so`);
	const env = { ...process.env, ARC2FACE_PROVIDER: undefined };
	const reason = missing(library) ?? withoutGpu ?? withoutEngines(product);
	if (reason !== undefined) return { library, reason };
	const libraries = new EngineRuntimes({ env });
	if ((await libraries.first(product)) !== undefined) return { library };
	return { library, reason: explain(await libraries.obstacles(product), false).reasons.join(' ') };
}

function withoutEngines(product: Product): string | undefined {
	if (productTable[product].runsOn(gpus[0]!.capability)) return undefined;
	return `${product} has no engines for cuda:0, ${gpus[0]!.name}, by what NVIDIA documents`;
}

/** Everything that may run models, available or not. */
export async function findRuntimes(): Promise<Runtime[]> {
	const all: Runtime[] = [
		// ONNX Runtime picks other blockings for other batch sizes, which round differently.
		{ name: 'onnxruntime on cpu', device: 'cpu', provider: 'onnxruntime', onHost: true, tolerance: 1 },
		// Every row of a batch is computed as if alone.
		{
			name: 'stand-in on the host',
			device: 'cuda:0',
			provider: 'stand-in',
			library: standIn.provider,
			onHost: true,
			tolerance: 0,
		},
		{
			name: 'stand-in on cuda:0',
			device: 'cuda:0',
			provider: 'stand-in',
			library: beside('arc2face_stand_in_cuda'),
			onHost: false,
			tolerance: 0,
			...reasonOf(withoutGpu ?? missing(beside('arc2face_stand_in_cuda'))),
		},
	];
	for (const product of products) {
		const found = await withoutProduct(product);
		// Each batch size is a profile with its own kernels, which sum float16 in other orders. Over the steps that may become
		// any number of levels at a few pixels; the limit is on what is visible, as for a portrait against the CPU's.
		all.push({
			name: `${product} on cuda:0`,
			device: 'cuda:0',
			provider: productTable[product].name.toLowerCase(),
			onHost: false,
			tolerance: 2,
			onAverage: true,
			...found,
		});
	}
	return all;
}

function reasonOf(reason: string | undefined): { reason?: string } {
	return reason === undefined ? {} : { reason };
}

/** Runs `work` with environment variables, and restores them afterwards. */
export async function withEnvironment<T>(
	values: Record<string, string | undefined>,
	work: () => Promise<T>,
): Promise<T> {
	const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
	for (const [name, value] of Object.entries(values)) set(name, value);
	try {
		return await work();
	} finally {
		for (const [name, value] of before) set(name, value);
	}
}

function set(name: string, value: string | undefined): void {
	if (value === undefined) delete process.env[name];
	else process.env[name] = value;
}
