// The adapters of a bundle's UNet: where their files are, and what they become. Each belongs to the feature of its name.
import { join } from 'node:path';
import { type ExpressionAdapter, readExpressionAdapter } from '../../models/expression-adapter.ts';
import { readReferenceAdapter } from '../../models/reference-adapter.ts';
import { type UNetConfig, unet } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { LowRank } from '../../models/weights/low-rank.ts';
import type { Checkpoint } from '../../models/weights/reference.ts';
import { type CheckpointWeights, WeightInventory } from '../../models/weights/weight-set.ts';
import { Arc2FaceError } from '../errors.ts';
import type { Feature } from '../options/features.ts';
import { findWeights } from './weights.ts';

type ReadAdapters = { expression: ExpressionAdapter & { weights: CheckpointWeights }; reference: LowRank };
export type AdapterName = keyof ReadAdapters;
export type AdapterFiles = Readonly<Partial<Record<AdapterName, string>>>;
/** Those that a UNet is written down with. */
export type Adapters = Readonly<Partial<ReadAdapters>>;

type Row<Name extends AdapterName> = Readonly<{
	/** What people call it. */
	label: string;
	folder: string;
	/** What names of weight files begin with; see `findWeights`. */
	weights: readonly [string];
	/** The adapter in its checkpoint. */
	read: (checkpoint: Checkpoint) => ReadAdapters[Name];
}>;

export const adapterFiles: { readonly [Name in AdapterName]: Row<Name> } = {
	expression: {
		label: 'expression adapter',
		folder: 'exp_adapter',
		weights: ['exp_adapter'],
		read: readExpressionAdapter,
	},
	reference: {
		label: 'reference adapter',
		folder: 'ref_adapter',
		weights: ['pytorch_lora_weights'],
		read: readReferenceAdapter,
	},
};

export const adapterNames = Object.keys(adapterFiles) as AdapterName[];

/**
 * The files of the adapters that a model with these features has.
 *
 * @throws {Arc2FaceError} `INVALID_BUNDLE` for a missing one
 */
export async function findAdapters(bundle: string, features: readonly Feature[]): Promise<AdapterFiles> {
	const files: Partial<Record<AdapterName, string>> = {};
	for (const name of adapterNames) if (features.includes(name)) files[name] = await findAdapter(bundle, name);
	return files;
}

/** @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming file and tensor */
export async function readAdapters(files: AdapterFiles): Promise<Adapters> {
	const adapters: { -readonly [Name in AdapterName]?: unknown } = {};
	for (const name of adapterNames) {
		const file = files[name];
		if (file !== undefined) adapters[name] = adapterFiles[name].read(await openCheckpoint(file));
	}
	return adapters as Adapters;
}

/** The file of an adapter's weights. */
export async function findAdapter(bundle: string, name: AdapterName): Promise<string> {
	const { label, folder, weights } = adapterFiles[name];
	return await findWeights(join(bundle, folder), weights).catch((error: unknown) => {
		if (!(error instanceof Arc2FaceError)) throw error;
		throw error.with({ remedy: `Put the ${label} there, or load the model without \`${name}\`.` });
	});
}

/**
 * Checks an adapter by itself, and if the UNet's config is known, against that.
 *
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming file and tensor
 */
export function checkAdapter(name: AdapterName, checkpoint: Checkpoint, config: UNetConfig | undefined): void {
	const adapters: Adapters = { [name]: adapterFiles[name].read(checkpoint) };
	if (config === undefined) return;
	unet(config, new WeightInventory(), adapters);
	assertAdaptersUsed(adapters);
}

/** @throws {Arc2FaceError} `INVALID_WEIGHTS` when one has tensors that the UNet did not ask for */
export function assertAdaptersUsed({ expression, reference }: Adapters): void {
	expression?.weights.assertAllUsed();
	reference?.assertAllUsed();
}
