// The digests of a loaded bundle's weights, computed when they are asked for.
import { abandonable } from '../call.ts';
import { Arc2FaceError } from '../errors.ts';
import { cacheFolder } from '../files/cache-folder.ts';
import { FileDigests, type FileState, isSameContent, sha256, stateOf } from '../files/digests.ts';
import { requirePrivateFolder } from '../files/private-folder.ts';
import { type AdapterName, adapterNames } from './adapters.ts';
import type { Bundle } from './bundle.ts';
import { type WrittenName, writtenNames } from './networks.ts';

/** SHA-256 in lower-case hexadecimal, as hubs tell it. */
export type BundleDigests = Readonly<{
	/** Of each network that paints: the files of its weights, without adapters and LoRAs, in the order of their digests. */
	weights: Readonly<Partial<Record<WrittenName, readonly string[]>>>;
	/** Of the UNet's adapters. */
	adapters: Readonly<Partial<Record<AdapterName, string>>>;
	/** Of what else decides how the bundle paints: its noise schedule and its prompt. */
	settings: string;
	/** Of the files of the LoRAs that were added, in order, and how strongly. */
	loras: readonly Readonly<{ sha256: string; scale: number }>[];
}>;

/** Remembers which files were loaded: what lies there later may be others. */
export class LoadedWeights {
	readonly #bundle: Bundle;
	/** By path. */
	readonly #loaded: ReadonlyMap<string, FileState>;
	readonly #cacheDir: string | undefined;
	#digests: Promise<BundleDigests> | undefined;

	private constructor(bundle: Bundle, loaded: ReadonlyMap<string, FileState>, cacheDir: string | undefined) {
		this.#bundle = bundle;
		this.#loaded = loaded;
		this.#cacheDir = cacheDir;
	}

	/** @throws {Arc2FaceError} `FILE_FAILED` */
	static async of(bundle: Bundle, cacheDir: string | undefined): Promise<LoadedWeights> {
		const paths = [...bundle.files, ...bundle.loras.map(({ lora }) => lora.file)];
		const loaded = await Promise.all(paths.map(async (path) => [path, await stateOf(path)] as const));
		return new LoadedWeights(bundle, new Map(loaded), cacheDir);
	}

	/**
	 * Reads the files once, which takes a few seconds for the official weights; then they are known, also to later loads.
	 *
	 * @param signal - lets the caller go; others may wait for the same
	 * @throws {Arc2FaceError} `FILE_FAILED`, also where a file is not the one that was loaded
	 */
	async digests(signal?: AbortSignal): Promise<BundleDigests> {
		signal?.throwIfAborted();
		this.#digests ??= this.#read().catch((error) => {
			this.#digests = undefined; // it may be there again
			throw error;
		});
		return await abandonable(this.#digests, signal);
	}

	async #read(): Promise<BundleDigests> {
		const { networks, schedule, tokens, adapters: adapterPaths, loras: scaled } = this.#bundle;
		const files = await fileDigests(this.#cacheDir);
		const known = new Map<string, string>();
		const digestOf = async (path: string) => {
			const digest = known.get(path) ?? (await this.#digestOf(path, files));
			known.set(path, digest);
			return digest;
		};
		const weights: Partial<Record<WrittenName, string[]>> = {};
		const added = new Set(Object.values(adapterPaths));
		for (const name of writtenNames) {
			const network = networks[name];
			if (network === undefined) continue;
			const used = 'file' in network ? [network.file] : network.weights.map(({ file }) => file);
			const own = new Set<string>();
			for (const file of new Set(used)) {
				const path = this.#bundle.files[file]!;
				if (!added.has(path)) own.add(await digestOf(path));
			}
			weights[name] = [...own].sort();
		}
		const adapters: Partial<Record<AdapterName, string>> = {};
		for (const name of adapterNames) {
			const path = adapterPaths[name];
			if (path !== undefined) adapters[name] = await digestOf(path);
		}
		const loras = [];
		for (const { lora, scale } of scaled) loras.push({ sha256: await digestOf(lora.file), scale });
		return { weights, adapters, settings: sha256(settingsOf(schedule, tokens)), loras };
	}

	async #digestOf(path: string, files: FileDigests): Promise<string> {
		const digest = await files.sha256(path);
		if (isSameContent(this.#loaded.get(path)!, await stateOf(path))) return digest;
		const problem = `Expected ${path} to be the file that was loaded but it was replaced since then.`;
		throw new Arc2FaceError('FILE_FAILED', problem, {
			remedy: 'Load the model again to paint with what is there.',
			details: { file: path },
		});
	}
}

/** Known from loads on a GPU or from before, as far as the cache can be used. */
export async function fileDigests(cacheDir: string | undefined): Promise<FileDigests> {
	const folder = cacheFolder('engines', cacheDir);
	return await requirePrivateFolder(folder).then(
		() => new FileDigests(folder),
		() => new FileDigests(),
	);
}

/** In a fixed order, and without the last digits: machines differ in those of a cosine. */
function settingsOf(schedule: Bundle['schedule'], { prompt, emptyPrompt, identityPosition }: Bundle['tokens']): string {
	const alphaBars = Array.from(schedule.alphaBars, (alphaBar) => alphaBar.toPrecision(9));
	const tokens = { prompt: Array.from(prompt), emptyPrompt: Array.from(emptyPrompt), identityPosition };
	return JSON.stringify(Object.entries({ ...schedule, alphaBars, ...tokens }).sort(([a], [b]) => (a < b ? -1 : 1)));
}
