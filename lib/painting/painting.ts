// A call that paints: from its options to images, each as it finishes.
import type { Guard } from '../call.ts';
import type { ImageGeometry, Size } from '../geometry.ts';
import type { Identity } from '../identity.ts';
import { GeneratedImage } from '../image.ts';
import type { NativeGenerateRequest } from '../native.ts';
import { type GenerateDefaults, resolveGenerateOptions } from '../options/generate.ts';
import { requireOne } from '../options/with-recipe.ts';
import type { Pixels } from '../photo.ts';
import { compareModel, type Describe, type Ingredients, recipeMaker } from '../provenance/recipe.ts';
import { guidedSteps } from '../samplers/guidance-interval.ts';
import { packPlan } from '../samplers/plan.ts';
import { makePlan } from '../samplers/samplers.ts';
import type { ScheduleConfig } from '../samplers/schedule.ts';
import { sizeWarnings } from '../warnings.ts';
import type { Asked } from './arguments.ts';
import { iterate } from './iteration.ts';
import { type Judged, type Painted, paintAlike } from './likeness.ts';
import { type Manner, type Portrait, requestFor } from './portraits.ts';

/** What a call needs to know of its model. */
export type Model = Readonly<{
	schedule: ScheduleConfig;
	geometry: ImageGeometry;
	trainedSize: Size;
	defaults: GenerateDefaults;
}>;

/** What a call needs its model to do. */
export type Core = Readonly<{
	generate(request: (guard: Guard) => NativeGenerateRequest, signal: AbortSignal): Promise<void>;
	/** Whom an image shows; undefined if there is no face. */
	read(image: Pixels, signal: AbortSignal): Promise<Identity | undefined>;
	/** What recipes tell of the model. Images keep it, so it must not keep the model. */
	describe: Describe;
}>;

/** A call, checked, with a copy of everything that its caller may change. */
export type Painting = ReturnType<typeof preparePainting>;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_BUNDLE` for a sampler that the schedule does not allow */
export function preparePainting(
	{ identities, options, recipe, batch }: Asked,
	{ schedule, geometry, trainedSize, defaults }: Model,
) {
	const request = resolveGenerateOptions(options, identities.length, geometry, defaults);
	const { count, images, steps, sampler, eta, seeds, noise, latents, likeness, onStep, signal } = request;
	const { width, height, guidanceScale, guidanceInterval } = request;
	const plan = makePlan(sampler, steps, schedule, { eta });
	requireOne(batch, images);
	const manner: Manner = {
		...{ plan: packPlan(plan), guidanceScale, width, height, noise, drawnFor: batch?.images ?? images },
		...(guidanceInterval && { guided: Uint8Array.from(guidedSteps(plan, guidanceInterval, schedule), Number) }),
		...(latents && { latents: latents.slice() }),
	};
	const portraits: Portrait[] = Array.from({ length: images }, (_, index) => ({
		...{ index, identity: identities[Math.floor(index / count)]!, seed: seeds.of(index, 1) },
		place: batch?.place ?? index,
	}));
	const decided = {
		...{ sampler, steps, guidanceScale, noise, width, height },
		...(guidanceInterval && { guidanceInterval: [...guidanceInterval] as const }),
		...(sampler === 'ddim' && { eta }),
	};
	const warnings = sizeWarnings({ width, height }, trainedSize);
	return { portraits, manner, decided, seeds, likeness, recipe, warnings, onStep, signal };
}

/** Gives each image as it finishes; `signal` stops it. */
export async function paint(
	painting: Painting,
	core: Core,
	give: (image: GeneratedImage) => void,
	signal: AbortSignal,
): Promise<void> {
	const { portraits, manner, seeds, likeness, onStep, recipe } = painting;
	const { width, height } = manner;
	const warnings = [...painting.warnings];
	if (recipe !== undefined) warnings.push(...compareModel(recipe, await core.describe(signal)));
	const paintRound = (some: readonly Portrait[], round: number) =>
		iterate<Painted>((giveOne, stop) => {
			const request = (guard: Guard): NativeGenerateRequest => ({
				...requestFor(some, manner),
				...(onStep && { onStep: guard((progress) => onStep({ ...progress, round })) }),
				onImage: guard(({ index, pixels }) => giveOne({ portrait: some[index]!, pixels })),
			});
			return core.generate(request, stop);
		}, signal);
	const read = async ({ portrait, pixels }: Painted) => {
		const found = await core.read({ data: pixels, width, height, name: 'the portrait', photo: 'portrait' }, signal);
		return found && portrait.identity.similarity(found);
	};
	const images: AsyncIterable<Painted | Judged> =
		likeness === undefined
			? paintRound(portraits, 1)
			: paintAlike(portraits, { check: likeness, seeds }, paintRound, read);
	for await (const image of images) give(imageOf(image, { ...painting, warnings }, core));
}

function imageOf(image: Painted | Judged, painting: Painting, core: Core): GeneratedImage {
	const { pixels, portrait } = image;
	const { manner, warnings } = painting;
	const judged = 'warnings' in image ? image : undefined;
	return new GeneratedImage(pixels, manner, portrait.seed, portrait.index, {
		recipe: recipeMaker(ingredientsOf(portrait, painting), core.describe),
		similarity: judged?.similarity,
		warnings: [...warnings, ...(judged?.warnings ?? [])],
	});
}

function ingredientsOf({ index, identity, seed, place }: Portrait, painting: Painting): Ingredients {
	const { decided, portraits, manner } = painting;
	const { latents, drawnFor } = manner;
	const numbers = (latents?.length ?? 0) / portraits.length;
	return {
		...{ identity, options: { ...decided, seed } },
		...(decided.noise === 'batch' && { batch: { images: drawnFor, place } }),
		latents: latents?.subarray(index * numbers, (index + 1) * numbers),
	};
}
