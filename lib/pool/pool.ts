// Several models of one bundle, each on a device of its own, that take work as one.
import { Arc2Face } from '../arc2face.ts';
import { usableGpus } from '../device/every.ts';
import { notConstructed } from '../errors.ts';
import type { Face } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import type { GeneratedImage } from '../image.ts';
import type { ModelInfo } from '../load.ts';
import { check, invalid, type Rule } from '../options/check.ts';
import type { DetectOptions, EncodeOptions } from '../options/faces.ts';
import type { GenerateOptions } from '../options/generate.ts';
import { type DeviceRequest, type LoadOptions, resolveLoadOptions } from '../options/load.ts';
import type { RecipeCall, Who } from '../painting/arguments.ts';
import { iterate } from '../painting/iteration.ts';
import { inOrder, type Painting } from '../painting/painting.ts';
import { sumOf, type Usage } from '../painting/usage.ts';
import type { Photo } from '../photo/forms.ts';
import { Turns } from './turns.ts';

/** The options of `Arc2FacePool.load`: those of `Arc2Face.load`, with devices instead of a device. */
export interface PoolOptions extends Omit<LoadOptions, 'device'> {
	/** `"all"`: every GPU that can be used, or the CPU where there is none (default); or one device for each model. */
	devices?: 'all' | readonly DeviceRequest[] | undefined;
}

/**
 * Models of one bundle on several devices, in one process, with the calls of {@link Arc2Face}: each goes to the model that has the
 * fewest images in work. A model whose GPU fails takes no more work; calls that it fails before they gave an image go to another one,
 * where their steps begin anew.
 */
export class Arc2FacePool {
	/** In the order of the devices, at least one. */
	readonly models: readonly Arc2Face[];
	/** Sentences that tell why GPUs of this machine are not used, for people. */
	readonly leftOut: readonly string[];
	readonly #turns: Turns<Arc2Face>;

	private constructor(models: readonly Arc2Face[], leftOut: readonly string[]) {
		// JavaScript knows no private constructors.
		if (models === undefined) throw notConstructed('A pool', 'Arc2FacePool');
		this.models = models;
		this.leftOut = leftOut;
		this.#turns = new Turns(models);
	}

	/**
	 * Loads a bundle onto several devices, one after another, so that an engine that GPUs of one kind share is built once.
	 *
	 * @param options - which bundle, onto which devices, and how
	 * @throws {Arc2FaceError} as `Arc2Face.load` does, of the first device that fails; then none stays loaded
	 */
	static async load({ devices = 'all', ...options }: PoolOptions = {}): Promise<Arc2FacePool> {
		check('Arc2FacePool.load', { devices }, { devices: devicesRule });
		if ('device' in options) throw invalid('devices, a list', 'device', String(options.device));
		const { cacheDir, signal } = resolveLoadOptions(options);
		if (devices !== 'all') for (const device of devices) resolveLoadOptions({ ...options, device });
		signal?.throwIfAborted();
		const { requests, leftOut } = devices === 'all' ? await all(cacheDir) : { requests: devices, leftOut: [] };
		const models: Arc2Face[] = [];
		try {
			for (const device of requests) models.push(await Arc2Face.load({ ...options, device }));
		} catch (error) {
			await Promise.all(models.map((model) => model.dispose()));
			throw error;
		}
		return new Arc2FacePool(models, leftOut);
	}

	/** What was loaded, onto the first of the devices; the others have the same. */
	get info(): ModelInfo {
		return this.models[0]!.info;
	}

	/** Whether all its models are: then nothing can be painted in this process any more. */
	get isLost(): boolean {
		return this.models.every(({ isLost }) => isLost);
	}

	/** What the models have done and have to do, together. */
	get usage(): Usage {
		return sumOf(this.models.map(({ usage }) => usage));
	}

	/**
	 * As `detect` of {@link Arc2Face}.
	 *
	 * @param photo - a file, its bytes, or pixels
	 * @param options - how hard to look
	 */
	detect(photo: Photo, options?: DetectOptions): Promise<Face[]> {
		return this.#turns.give(1, (model) => model.detect(photo, options));
	}

	/**
	 * As `encode` of {@link Arc2Face}.
	 *
	 * @param photo - a file, its bytes, or pixels
	 * @param options - which face, and how hard to look
	 */
	encode(photo: Photo, options?: EncodeOptions): Promise<Identity> {
		return this.#turns.give(1, (model) => model.encode(photo, options));
	}

	/**
	 * As `generate` of {@link Arc2Face}; all images of a call are painted by one model.
	 *
	 * @param identity - from {@link encode}, or 512 numbers; or a list of them
	 * @param options - how many, from which seed, of which size, and how
	 */
	generate(identity: Who, options?: GenerateOptions): Promise<[GeneratedImage, ...GeneratedImage[]]>;
	/**
	 * As `generate` of {@link Arc2Face} with a recipe.
	 *
	 * @param options - the recipe, and options that come before its own
	 */
	generate(options: RecipeCall): Promise<[GeneratedImage, ...GeneratedImage[]]>;
	async generate(who: Who | RecipeCall, options?: GenerateOptions): Promise<[GeneratedImage, ...GeneratedImage[]]> {
		return await inOrder(this.#generateEach(who, options));
	}

	/**
	 * As `generateEach` of {@link Arc2Face}; all images of a call are painted by one model, chosen when the first is asked for.
	 *
	 * @param identity - as for {@link generate}
	 * @param options - as for {@link generate}
	 */
	generateEach(identity: Who, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void>;
	/**
	 * As `generateEach` of {@link Arc2Face} with a recipe.
	 *
	 * @param options - the recipe, and options that come before its own
	 */
	generateEach(options: RecipeCall): AsyncGenerator<GeneratedImage, void, void>;
	generateEach(who: Who | RecipeCall, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void> {
		return this.#generateEach(who, options);
	}

	#generateEach(who: Who | RecipeCall, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void> {
		// One bundle: what one of the models has prepared, any of them paints.
		const painting: Painting = this.models[0]!.prepare(who, options);
		const work = (give: (image: GeneratedImage) => void, signal: AbortSignal) =>
			this.#turns.give(painting.portraits.length, (model, done) => {
				const giveOne = (image: GeneratedImage) => {
					done();
					give(image);
				};
				return model.paint(painting, giveOne, signal);
			});
		return iterate(work, painting.signal);
	}

	/** Frees all models; pending calls reject with `DISPOSED`, images stay valid. May be called any number of times. */
	async dispose(): Promise<void> {
		await Promise.all(this.models.map((model) => model.dispose()));
	}

	/** Calls `dispose`: for `await using`. */
	[Symbol.asyncDispose](): Promise<void> {
		return this.dispose();
	}
}

async function all(cacheDir: string | undefined): Promise<{ requests: DeviceRequest[]; leftOut: string[] }> {
	const { devices, leftOut } = await usableGpus(cacheDir);
	// Why it is the CPU, or a stand-in that needs no GPU, its `reasons` tell.
	return devices.length > 0 ? { requests: devices, leftOut } : { requests: ['auto'], leftOut: [] };
}

const devicesRule: Rule = {
	expected: 'all, or a list of devices',
	fits: (value) => value === 'all' || (Array.isArray(value) && value.length > 0),
};
