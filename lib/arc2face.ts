// A loaded model: its calls, and the order in which each is checked and done.
import { blamed } from './bundle/blame.ts';
import { type Bundle, isEmbedded } from './bundle/bundle.ts';
import { abandonable, awaitNative, type Guard } from './call.ts';
import { embeddedThresholds, Gate, usualThresholds } from './consent/gate.ts';
import { disposed, isDeviceLost, notConstructed } from './errors.ts';
import { chooseFace, doubtsOf, faceWarnings, referenceUse } from './faces/choice.ts';
import { doubtOf } from './faces/doubt.ts';
import { guardRemedy, missesFaceModels, referenceRemedy } from './faces/remedies.ts';
import { type FoundFaces, facesOf, findFaces } from './faces/search.ts';
import type { EncodedFace, Face } from './geometry.ts';
import { Identity } from './identity.ts';
import type { GeneratedImage } from './image.ts';
import { type Loaded, load, type ModelInfo } from './load.ts';
import type { Sentence } from './messages/wording.ts';
import type { NativeCall, NativeDetectRequest, NativeModel } from './native.ts';
import {
	type DetectOptions,
	type EncodeOptions,
	type FaceChoice,
	resolveDetectOptions,
	resolveEncodeOptions,
} from './options/faces.ts';
import type { GenerateOptions } from './options/generate.ts';
import { type LoadOptions, resolveLoadOptions } from './options/load.ts';
import type { RecipeModel } from './options/recipe.ts';
import { type RecipeCall, readArguments, type Who } from './painting/arguments.ts';
import { iterate } from './painting/iteration.ts';
import type { Core, Model } from './painting/model.ts';
import { inOrder, type Painting, paint, preparePainting } from './painting/painting.ts';
import { type Usage, usageOf } from './painting/usage.ts';
import type { Photo } from './photo/forms.ts';
import { type Pixels, readPhoto } from './photo.ts';
import { describer } from './provenance/recipe.ts';
import type { FoundFace } from './steering/steering.ts';

/**
 * A loaded model: photo → faces → identity → portraits. Calls may overlap; concurrent `generate` calls share batches.
 * No call blocks the event loop. When its `signal` aborts, a call rejects with the signal's reason.
 */
export class Arc2Face {
	/** What was loaded, onto which device, and why. */
	readonly info: ModelInfo;
	readonly #native: NativeModel;
	readonly #bundle: Bundle;
	readonly #detectionSize: number;
	/** What painting knows of this model, and needs of it. */
	readonly #model: Model;
	readonly #core: Core;
	readonly #gate: Gate;
	#disposal: Promise<void> | undefined;
	#isLost = false;

	private constructor(loaded: Loaded, guards: ReturnType<typeof resolveLoadOptions>['guards']) {
		// JavaScript knows no private constructors.
		if (loaded === undefined) throw notConstructed('A model', 'Arc2Face');
		const { native, bundle, weights, info, detectionSize, marking } = loaded;
		this.#native = native;
		this.#bundle = bundle;
		this.#detectionSize = detectionSize;
		this.#gate = new Gate(guards, isEmbedded(bundle.folder) ? embeddedThresholds : usualThresholds);
		this.#model = {
			...{ bundle, features: [...info.features], decoder: info.decoder, presets: structuredClone(info.presets) },
			geometry: { ...info.imageSize, pixelsPerLatent: info.pixelsPerLatent },
			asksConsent: this.#gate.asksConsent,
			marking,
		};
		this.#core = {
			generate: (request, signal) => this.#run((guard) => this.#native.generate(request(guard)), signal),
			peopleIn: (photo, most, signal) => this.#peopleIn(photo, most, signal),
			personAt: (photo, keypoints, signal) => this.#personAt(photo, keypoints, signal),
			findFace: (photo, choice, signal) => this.#referenceFace(photo, choice, signal),
			admit: this.#gate.isClosed ? (identities, claim) => this.#gate.admit(identities, claim) : undefined,
			describe: describer(info, weights),
		};
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
		const { signal, guards, ...resolved } = resolveLoadOptions(options);
		signal?.throwIfAborted();
		// Creating a session can't be interrupted; it is released once it finishes.
		const loaded = await abandonable(load(resolved, signal), signal, ({ native }) => void native.dispose());
		return new Arc2Face(loaded, guards);
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
	 *   numbers that are not finite; `DISPOSED`; of a model with a ledger, which logs it, `FILE_FAILED` and `LEDGER_DAMAGED`
	 */
	async encode(photo: Photo, options?: EncodeOptions): Promise<Identity> {
		this.#requireEncoder('encode');
		const { signal, face: choice, ...request } = resolveEncodeOptions(options, this.#detectionSize);
		const pixels = await this.#read(photo, signal);
		const given = typeof choice === 'object';
		const found = given ? undefined : await this.#find(pixels, request, signal);
		const face = given ? choice : chooseFace(found!, choice, pixels);
		const how = { chosen: choice !== undefined, withBorder: found?.withBorder ?? false };
		const identity = Identity.ofFace(await this.#embed(pixels, face, signal), face, faceWarnings(face, pixels, how));
		await this.#gate.logEncoded(identity);
		return identity;
	}

	/**
	 * Paints portraits: identity → conditioning → latents → image. With `image` they begin as a photo instead of noise.
	 *
	 * @param identity - from {@link encode}, or 512 numbers; or a list of them, each of which gets `count` portraits
	 * @param options - how many, from which seed, of which size, and how
	 * @returns RGB images, 8 bits per channel, at least one: those of the first identity, then those of the next
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT` before any work; `INVALID_IMAGE`; `INVALID_BUNDLE` for a sampler that the bundle's schedule does
	 *   not allow; `INVALID_WEIGHTS` and `ENGINE_FAILED`, when a network fails or gives numbers that are not finite;
	 *   `OUT_OF_MEMORY`; `DISPOSED`; with a recipe `FILE_FAILED`, when the weights can't be read any more; of a model with a ledger or a
	 *   deny list `CONSENT_REQUIRED`, `DENIED`, `LEDGER_DAMAGED` and `FILE_FAILED`: an image that can't be logged is not handed out
	 */
	async generate(identity: Who, options?: GenerateOptions): Promise<[GeneratedImage, ...GeneratedImage[]]>;
	/**
	 * Paints the image of a recipe again, of the identity that is in it.
	 *
	 * @param options - the recipe, and options that come before its own
	 * @returns as with an identity
	 */
	async generate(options: RecipeCall): Promise<[GeneratedImage, ...GeneratedImage[]]>;
	async generate(who: Who | RecipeCall, options?: GenerateOptions): Promise<[GeneratedImage, ...GeneratedImage[]]> {
		return await inOrder(this.#generateEach(who, options));
	}

	/**
	 * Paints portraits as {@link generate} does, and gives each as soon as it is finished: `for await (const image of …)`. `index` tells
	 * which of the call's images it is.
	 *
	 * The arguments are checked and copied at once; the work begins when the first image is asked for, and goes on whether or not the
	 * images are taken: those that are finished wait. Who leaves the loop (`break`, `return()`) stops the rest, within one step. If the
	 * call fails or its signal aborts, the images that were finished before come first, then the error.
	 *
	 * @param identity - as for {@link generate}
	 * @param options - as for {@link generate}
	 * @throws {Arc2FaceError} at once, what {@link generate} rejects with before any work; while iterating, what it rejects with later
	 */
	generateEach(identity: Who, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void>;
	/**
	 * Paints the image of a recipe again, of the identity that is in it.
	 *
	 * @param options - the recipe, and options that come before its own
	 */
	generateEach(options: RecipeCall): AsyncGenerator<GeneratedImage, void, void>;
	generateEach(who: Who | RecipeCall, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void> {
		return this.#generateEach(who, options);
	}

	#generateEach(who: Who | RecipeCall, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void> {
		const painting = this.prepare(who, options);
		return iterate((give, signal) => this.paint(painting, give, signal), painting.signal);
	}

	/** Checks and copies what {@link generate} is given, for `paint` of any model that was loaded as this one. @internal */
	prepare(who: Who | RecipeCall, options?: GenerateOptions): Painting {
		this.#requireOpen();
		const painting = preparePainting(readArguments(who, options), this.#model);
		if (painting.likeness !== undefined) this.#requireEncoder('check portraits');
		return painting;
	}

	/** @internal */
	paint(painting: Painting, give: (image: GeneratedImage) => void, signal: AbortSignal): Promise<void> {
		return paint(painting, this.#model, this.#core, give, signal);
	}

	/** Whether its GPU has failed in a way that only a new process helps: whatever is asked of the model fails with `DEVICE_LOST`. */
	get isLost(): boolean {
		return this.#isLost;
	}

	/** What the model has done since it was loaded, and has to do: counted all the time, and read without waiting for anything. */
	get usage(): Usage {
		return usageOf(this.#native, this.info.imageSize);
	}

	/**
	 * What recipes tell of this model, of all features that it was loaded with.
	 *
	 * @internal
	 */
	describe(signal?: AbortSignal): Promise<RecipeModel> {
		return this.#core.describe(this.info.features, signal);
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

	/** That of a reference's photo, with what may be wrong with it. */
	async #referenceFace(photo: Pixels, choice: FaceChoice | undefined, signal: AbortSignal): Promise<FoundFace> {
		const { face, signal: _, ...request } = resolveEncodeOptions({ face: choice }, this.#detectionSize);
		if (typeof face === 'object') return { keypoints: face.keypoints, warnings: [] };
		this.#requireEncoder('align the reference', referenceRemedy);
		const found = chooseFace(await this.#find(photo, request, signal), face, photo, referenceUse);
		return { keypoints: found.keypoints, warnings: doubtsOf(found, photo, choice !== undefined, referenceUse) };
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

	async #embed(photo: Pixels, face: EncodedFace, signal: AbortSignal | undefined): Promise<Float32Array> {
		const keypoints = Float32Array.from(face.keypoints.flat());
		return (await this.#run(() => this.#native.encode({ photo, keypoints }), signal)).embedding;
	}

	/** Of at most so many of its people, the largest face first, as `encode` finds it. */
	async #peopleIn(photo: Pixels, most: number, signal: AbortSignal): Promise<Identity[]> {
		this.#requireEncoder('tell who is in a photo', guardRemedy);
		const { detectionSize, threshold } = resolveDetectOptions({}, this.#detectionSize);
		const { faces } = await this.#find(photo, { detectionSize, threshold }, signal);
		const people: Identity[] = [];
		for (const { keypoints } of faces.slice(0, most)) people.push(await this.#personAt(photo, keypoints, signal));
		return people;
	}

	async #personAt(photo: Pixels, keypoints: EncodedFace['keypoints'], signal: AbortSignal): Promise<Identity> {
		return Identity.from(await this.#embed(photo, { keypoints }, signal));
	}

	#run<T>(start: (guard: Guard) => NativeCall<T>, signal: AbortSignal | undefined): Promise<T> {
		const explain = (error: unknown) => {
			if (isDeviceLost(error)) this.#isLost = true;
			return blamed(error, this.#bundle, 'run');
		};
		return awaitNative(start, signal, { explain });
	}

	#requireOpen(): void {
		if (this.#disposal !== undefined) throw disposed();
	}

	#requireEncoder(call: string, remedy?: Sentence): void {
		this.#requireOpen();
		if (!this.info.canEncode) throw missesFaceModels(call, this.info.bundle, this.#bundle, remedy);
	}
}
