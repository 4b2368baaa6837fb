// A loaded model: its calls, and the order in which each is checked and done.
import { blamed } from './bundle/blame.ts';
import type { Bundle } from './bundle/bundle.ts';
import { abandonable, awaitNative, type Guard } from './call.ts';
import { type Edit, editPlan, geometryOf, nativeEdit, readEdit } from './editing/edit.ts';
import { Arc2FaceError } from './errors.ts';
import { chooseFace, doubtsOf, faceWarnings, referenceUse } from './faces/choice.ts';
import { doubtOf } from './faces/doubt.ts';
import { type FoundFaces, findFaces } from './faces/search.ts';
import type { Face, ImageGeometry, Size } from './geometry.ts';
import { Identity, type IdentityLike } from './identity.ts';
import { GeneratedImage } from './image.ts';
import { type Loaded, load, type ModelInfo } from './load.ts';
import type { Sentence } from './messages/wording.ts';
import type { NativeCall, NativeDetectRequest, NativeFaces, NativeModel } from './native.ts';
import { invalid } from './options/check.ts';
import { type DetectOptions, type EncodeOptions, resolveDetectOptions, resolveEncodeOptions } from './options/faces.ts';
import { type Feature, requireFeature } from './options/features.ts';
import {
	checkGenerateOptions,
	type GenerateDefaults,
	type GenerateOptions,
	resolveGenerateOptions,
} from './options/generate.ts';
import { type LoadOptions, resolveLoadOptions } from './options/load.ts';
import type { Photo } from './photo/forms.ts';
import { type Pixels, readPhoto } from './photo.ts';
import { packPlan } from './samplers/plan.ts';
import { makePlan } from './samplers/samplers.ts';
import { type FindFace, type ReadSteering, readSteering } from './steering/steering.ts';
import { sizeWarnings } from './warnings.ts';

/**
 * A loaded model: photo → faces → identity → portraits. Calls may overlap; concurrent `generate` calls share batches.
 * No call blocks the event loop. When its `signal` aborts, a call rejects with the signal's reason.
 */
export class Arc2Face {
	/** What was loaded, onto which device, and why. */
	readonly info: ModelInfo;
	readonly #native: NativeModel;
	readonly #bundle: Bundle;
	readonly #geometry: ImageGeometry;
	readonly #detectionSize: number;
	readonly #defaults: GenerateDefaults;
	#disposal: Promise<void> | undefined;

	private constructor(loaded: Loaded) {
		// JavaScript knows no private constructors.
		if (loaded === undefined) {
			throw new Arc2FaceError('INVALID_ARGUMENT', 'A model is loaded, not constructed.', {
				remedy: 'Use `await Arc2Face.load()`.',
			});
		}
		const { native, bundle, info, detectionSize } = loaded;
		this.#native = native;
		this.#bundle = bundle;
		this.#geometry = { ...info.imageSize, pixelsPerLatent: info.pixelsPerLatent };
		this.#detectionSize = detectionSize;
		this.#defaults = { ...info.defaults };
		this.info = info;
	}

	/**
	 * Loads a bundle onto a device. On a GPU the first load builds an engine for each network, which may take minutes and is kept for the
	 * next; loads that need the same one wait for each other.
	 *
	 * @param options - which bundle, onto which device, and how
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `NO_DEVICE`; `INVALID_BUNDLE` and `INVALID_WEIGHTS`, naming file and field or
	 *   tensor; `OUT_OF_MEMORY`; `ENGINE_FAILED`; `FILE_FAILED` when the folder of the engines can't be used
	 */
	static async load(options?: LoadOptions): Promise<Arc2Face> {
		const { signal, ...resolved } = resolveLoadOptions(options);
		signal?.throwIfAborted();
		// Creating a session can't be interrupted; it is released once it finishes.
		return new Arc2Face(await abandonable(load(resolved, signal), signal, ({ native }) => void native.dispose()));
	}

	/**
	 * Finds the faces in a photo. If none is clearly upright, the photo is also tried turned by 90°, 180° and 270° (see `rotation`), and
	 * if there is none at all, with a border around it; each try takes as long as the first.
	 *
	 * @param photo - a file, its bytes, or pixels
	 * @param options - how hard to look
	 * @param options.detectionSize - side of the square that the photo is fitted into, a multiple of 32, 32–4096 (default: that of `load`)
	 * @param options.threshold - least score, 0–1 (default 0.5)
	 * @returns largest first; may be empty
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_IMAGE`; `INVALID_BUNDLE` when the bundle has no detector;
	 *   `INVALID_WEIGHTS` and `ENGINE_FAILED`, when the network fails or gives numbers that are not finite; `DISPOSED`
	 */
	async detect(photo: Photo, options?: DetectOptions): Promise<Face[]> {
		this.#requireEncoder('detect');
		const { signal, ...request } = resolveDetectOptions(options, this.#detectionSize);
		const pixels = await this.#read(photo, signal);
		return [...(await this.#find(pixels, request, signal)).faces];
	}

	/**
	 * The identity of a person in a photo. The result's `face` tells which face it is and where, its size, score and rotation, and
	 * `warnings` what may be wrong with it. Faces are found as by `detect`; a face from `detect`, or five keypoints, passed as
	 * `face` is used as it is.
	 *
	 * @param photo - a file, its bytes, or pixels
	 * @param options - which face, and how hard to look
	 * @param options.face - which face (default: the largest, with a warning if there are several)
	 * @param options.detectionSize - as for {@link detect}
	 * @param options.threshold - as for {@link detect}
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for `face: "only"` with several faces; `INVALID_IMAGE`; `NO_FACE`;
	 *   `INVALID_BUNDLE` when the bundle has no face networks; `INVALID_WEIGHTS` and `ENGINE_FAILED`, when a network fails or gives
	 *   numbers that are not finite; `DISPOSED`
	 */
	async encode(photo: Photo, options?: EncodeOptions): Promise<Identity> {
		this.#requireEncoder('encode');
		const { signal, face: choice, ...request } = resolveEncodeOptions(options, this.#detectionSize);
		const pixels = await this.#read(photo, signal);
		const given = typeof choice === 'object';
		const found = given ? undefined : await this.#find(pixels, request, signal);
		const face = given ? choice : chooseFace(found!, choice, pixels);
		const keypoints = Float32Array.from(face.keypoints.flat());
		const { embedding } = await this.#run(() => this.#native.encode({ photo: pixels, keypoints }), signal);
		const how = { chosen: choice !== undefined, withBorder: found?.withBorder ?? false };
		return Identity.ofFace(embedding, face, faceWarnings(face, pixels, how));
	}

	/**
	 * Paints portraits: identity → conditioning → latents → image. With `image` they begin as a photo instead of noise.
	 *
	 * @param identity - from {@link encode}, or 512 numbers; or a list of them, each of which gets `count` portraits
	 * @param options - how many, from which seed, of which size, and how
	 * @returns RGB images, 8 bits per channel, at least one: those of the first identity, then those of the next
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` before any work; `INVALID_IMAGE`; `INVALID_BUNDLE` for a sampler that the bundle's schedule does
	 *   not allow; `INVALID_WEIGHTS` and `ENGINE_FAILED`, when a network fails or gives numbers that are not finite;
	 *   `OUT_OF_MEMORY`; `DISPOSED`
	 */
	async generate(
		identity: IdentityLike | readonly IdentityLike[],
		options?: GenerateOptions,
	): Promise<[GeneratedImage, ...GeneratedImage[]]> {
		this.#requireOpen();
		const identities = listOf(identity).map((one) => Identity.from(one));
		const edit = options?.image === undefined ? undefined : await this.#readEdit(options, identities.length);
		const geometry = edit === undefined ? this.#geometry : geometryOf(edit, this.#geometry, options ?? {});
		const request = resolveGenerateOptions(options, identities.length, geometry, this.#defaults);
		const { count, images, steps, sampler, eta, seeds, noise, signal, latents, onStep } = request;
		const { width, height, guidanceScale } = request;
		const { schedule } = this.#bundle;
		const plan = edit ? editPlan(edit, sampler, steps, schedule, { eta }) : makePlan(sampler, steps, schedule, { eta });
		const identityOfImage = Uint32Array.from({ length: images }, (_, image) => Math.floor(image / count));

		const size = { width, height };
		const { steering, warnings: doubts } = await this.#readSteering(options ?? {}, images, size);
		const warnings = [...sizeWarnings(size, this.#bundle.geometry), ...doubts];
		const painted: GeneratedImage[] = [];
		await this.#run(
			(guard) =>
				this.#native.generate({
					embeddings: Float32Array.from(identities.flatMap(({ embedding }) => Array.from(embedding))),
					identityOfImage,
					plan: packPlan(plan),
					guidanceScale,
					seeds: Float64Array.from(noise === 'batch' ? seeds.slice(0, 1) : seeds),
					width,
					height,
					...(latents === undefined ? {} : { latents }),
					...(edit === undefined ? {} : { edit: nativeEdit(edit, identityOfImage, options?.seed) }),
					...steering,
					...(onStep === undefined ? {} : { onStep: guard(onStep) }),
					onImage: guard(({ index, pixels }) => {
						painted[index] = new GeneratedImage(pixels, size, seeds[index]!, index, warnings);
					}),
				}),
			signal,
		);
		return painted as [GeneratedImage, ...GeneratedImage[]]; // there is at least one identity, and `count` is at least 1
	}

	/** Frees everything; pending calls reject with `DISPOSED`, images stay valid. May be called any number of times. */
	dispose(): Promise<void> {
		this.#disposal ??= this.#native.dispose();
		return this.#disposal;
	}

	/** Calls `dispose`: for `await using`. */
	[Symbol.asyncDispose](): Promise<void> {
		return this.dispose();
	}

	async #readEdit(options: GenerateOptions, identities: number): Promise<Edit> {
		checkGenerateOptions(options);
		const { signal } = options;
		requireFeature('edit', this.info.features, 'image');
		signal?.throwIfAborted();
		const edit = await abandonable(readEdit(options, identities), signal);
		this.#requireOpen();
		return edit;
	}

	/** With the warnings about a reference's face. */
	async #readSteering(options: GenerateOptions, images: number, size: Size): Promise<ReadSteering> {
		const { control, expression, reference, signal } = options;
		const asked = Object.entries({ control, expression, reference }).filter(([, value]) => value !== undefined);
		if (asked.length === 0) return { steering: {}, warnings: [] };
		for (const [name] of asked) requireFeature(name as Feature, this.info.features, name);
		signal?.throwIfAborted();
		const findFace: FindFace = async (photo, choice) => {
			const { face, signal: _, ...request } = resolveEncodeOptions({ face: choice }, this.#detectionSize);
			if (typeof face === 'object') return { keypoints: face.keypoints, warnings: [] };
			this.#requireEncoder('align the reference', referenceRemedy);
			const found = chooseFace(await this.#find(photo, request, signal), face, photo, referenceUse);
			return { keypoints: found.keypoints, warnings: doubtsOf(found, photo, choice !== undefined, referenceUse) };
		};
		const read = await abandonable(readSteering(options, this.#bundle, images, size, findFace), signal);
		this.#requireOpen();
		return read;
	}

	async #read(photo: Photo, signal: AbortSignal | undefined) {
		signal?.throwIfAborted();
		const pixels = await abandonable(readPhoto(photo), signal);
		this.#requireOpen();
		return pixels;
	}

	async #find(
		photo: Pixels,
		request: Omit<NativeDetectRequest, 'photo'>,
		signal: AbortSignal | undefined,
	): Promise<FoundFaces> {
		const detect = async (view: Pixels) =>
			facesOf(await this.#run(() => this.#native.detect({ photo: view, ...request }), signal));
		return await findFaces(photo, request.detectionSize, detect, doubtOf(this.#bundle.folder));
	}

	#run<T>(start: (guard: Guard) => NativeCall<T>, signal: AbortSignal | undefined): Promise<T> {
		return awaitNative(start, signal, { explain: (error) => blamed(error, this.#bundle, 'run') });
	}

	#requireOpen(): void {
		if (this.#disposal !== undefined)
			throw new Arc2FaceError('DISPOSED', 'The model was disposed.', {
				remedy: 'Load it again with `Arc2Face.load()`.',
			});
	}

	#requireEncoder(call: string, remedy: Sentence = faceModelsRemedy): void {
		this.#requireOpen();
		if (this.info.canEncode) return;
		throw new Arc2FaceError(
			'INVALID_BUNDLE',
			`Can't ${call}: the bundle ${this.info.bundle} has no ${this.#bundle.missingFaceModels.join(' and no ')}.`,
			{ remedy, details: { bundle: this.info.bundle } },
		);
	}
}

const faceModelsRemedy =
	'Put what is missing into its folder: `arc2face pull --accept-antelopev2-license` gets them for the official bundle. ' +
	'Without them, paint from identities that another model encoded.';

const referenceRemedy: Sentence = ({ either }) =>
	'Put what is missing into its folder, as `arc2face pull --accept-antelopev2-license` does for the official bundle; ' +
	either(
		'or pass five keypoints as `face`, or `align: false` for a photo that is aligned.',
		'or pass --reference-as-is for a photo that is aligned.',
	);

/** 512 numbers are one identity, not a list of 512. */
function listOf(identity: IdentityLike | readonly IdentityLike[]): readonly IdentityLike[] {
	if (!Array.isArray(identity) || typeof identity[0] === 'number') return [identity as IdentityLike];
	if (identity.length === 0) {
		throw invalid('at least one', 'identity', 'an empty list');
	}
	return identity;
}

function facesOf({ boxes, keypoints, scores }: NativeFaces): Face[] {
	return Array.from(scores, (score, i) => {
		const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
		return {
			box: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 },
			keypoints: Array.from(
				{ length: 5 },
				(_, k) => [keypoints[10 * i + 2 * k]!, keypoints[10 * i + 2 * k + 1]!] as const,
			),
			score,
			rotation: 0,
		};
	});
}
