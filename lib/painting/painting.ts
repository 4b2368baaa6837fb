// A call that paints: from its options to images, each as it finishes.
import type { Guard } from '../call.ts';
import type { Shown } from '../consent/gate.ts';
import { askedEdit, editPlan } from '../editing/edit.ts';
import { GeneratedImage } from '../image.ts';
import type { NativeGenerateRequest } from '../native.ts';
import { resolveConsent } from '../options/consent.ts';
import { requireFeatures, usedFeatures } from '../options/features.ts';
import { resolveGenerateOptions } from '../options/generate.ts';
import { resolveProvenance } from '../options/provenance.ts';
import { requireOne } from '../options/with-recipe.ts';
import type { InputRole } from '../provenance/manifest.ts';
import type { Origin } from '../provenance/marks.ts';
import { compareModel, type Ingredients, recipeMaker } from '../provenance/recipe.ts';
import { guidedSteps } from '../samplers/guidance-interval.ts';
import { packPlan } from '../samplers/plan.ts';
import { withPreviews } from '../samplers/preview.ts';
import { makePlan } from '../samplers/samplers.ts';
import { resolveSteering } from '../steering/steering.ts';
import type { Warning } from '../warnings.ts';
import type { Asked } from './arguments.ts';
import { type AskedInputs, type Inputs, readInputs } from './inputs.ts';
import { iterate } from './iteration.ts';
import { type Judged, type Painted, paintAlike } from './likeness.ts';
import type { Core, Model } from './model.ts';
import { type Manner, type Portrait, requestFor } from './portraits.ts';
import { previewColours, previewOf } from './previews.ts';
import { comparePhotos, type PhotoDigests, photoDigests, recipeInputs } from './recipe-inputs.ts';

/** A call, checked, with a copy of everything that its caller may change, but of the bytes of photos. */
export type Painting = ReturnType<typeof preparePainting>;

/**
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for a model that was loaded without what the call needs; `INVALID_BUNDLE` for a sampler
 *   that the schedule does not allow
 */
export function preparePainting({ identities, options, recipe, batch }: Asked, model: Model) {
	const { schedule, expressions } = model.bundle;
	const request = resolveGenerateOptions(options, identities.length, model.geometry, model.presets);
	const { count, images, steps, sampler, eta, seeds, noise, latents, likeness, onStep, signal } = request;
	const { guidanceScale, guidanceInterval, onPreview, previewEvery } = request;
	requireFeatures(options, model.features);
	const used = usedFeatures(options);
	const claim = resolveConsent(options, identities.length, model.asksConsent);
	const edit = askedEdit(options, identities.length);
	const plan = edit ? editPlan(edit, sampler, steps, schedule, { eta }) : makePlan(sampler, steps, schedule, { eta });
	requireOne(batch, images);
	const shown = previewEvery === undefined ? plan : withPreviews(plan, previewEvery, schedule.predictionType);
	const manner: Manner = {
		...{ plan: packPlan(shown), guidanceScale, noise, drawnFor: batch?.images ?? images },
		...(guidanceInterval && { guided: Uint8Array.from(guidedSteps(plan, guidanceInterval, schedule), Number) }),
		...(latents && { latents: latents.slice() }),
		...(onPreview && previewColours(model)),
	};
	const portraits: Portrait[] = Array.from({ length: images }, (_, index) => {
		const person = Math.floor(index / count);
		return {
			...{ index, person, identity: identities[person]!, seed: seeds.of(index, 1), place: batch?.place ?? index },
			photo: edit === undefined || edit.photos.length === 1 ? 0 : person,
		};
	});
	const { width, height } = options;
	const inputs: AskedInputs = {
		...{ edit, images, sides: { width, height } },
		steering: resolveSteering(options, expressions),
	};
	const decided = {
		...{ sampler, steps, guidanceScale, noise },
		...(guidanceInterval && { guidanceInterval: [...guidanceInterval] as const }),
		...(sampler === 'ddim' && { eta }),
	};
	const told = { onStep, onPreview, evaluations: plan.steps.length, signal };
	const { provenance, cacheDir } = model.marking;
	const marking = { provenance: resolveProvenance(provenance, options.provenance), cacheDir };
	return { identities, claim, portraits, manner, inputs, used, decided, seeds, likeness, recipe, marking, ...told };
}

/** All images of a call, by their index. */
export async function inOrder(each: AsyncIterable<GeneratedImage>): Promise<[GeneratedImage, ...GeneratedImage[]]> {
	const images: GeneratedImage[] = [];
	for await (const image of each) images[image.index] = image;
	return images as [GeneratedImage, ...GeneratedImage[]]; // there is at least one identity, and `count` is at least 1
}

/** Gives each image as it finishes; `signal` stops it. */
export async function paint(
	painting: Painting,
	model: Model,
	core: Core,
	give: (image: GeneratedImage) => void,
	signal: AbortSignal,
): Promise<void> {
	const { portraits, manner, seeds, likeness, onStep, onPreview, recipe, used } = painting;
	const admission = await core.admit?.(painting.identities, painting.claim);
	// Before any photo is read: another model is refused.
	const unlike = recipe === undefined ? [] : compareModel(recipe, await core.describe(used, signal));
	const inputs = await readInputs(painting.inputs, model, core, signal);
	if (admission) await admission.admitPhotos(await peopleIn(inputs, core, signal));
	if (onPreview) await admission?.logPreviews();
	const photos = await photoDigests(painting.inputs, inputs);
	const warnings = [...inputs.warnings, ...unlike, ...(recipe === undefined ? [] : comparePhotos(recipe, photos))];
	const paintRound = (some: readonly Portrait[], round: number) =>
		iterate<Painted>((giveOne, stop) => {
			const request = (guard: Guard): NativeGenerateRequest => ({
				...requestFor(some, manner, round === 1 ? inputs : drawnAlone(inputs)),
				...(onStep && { onStep: guard((progress) => onStep({ ...progress, round })) }),
				...(onPreview && {
					onPreview: guard((preview) => {
						// One that was on its way when the call was cancelled comes too late.
						if (!stop.aborted) onPreview(previewOf(preview, some, { steps: painting.evaluations, round }));
					}),
				}),
				onImage: guard(({ index, pixels }) => giveOne({ portrait: some[index]!, pixels })),
			});
			return core.generate(request, stop);
		}, signal);
	const read = async ({ portrait, pixels }: Painted) => {
		const image = { ...inputs.size, data: pixels, name: 'the portrait', photo: 'portrait' };
		const [found] = await core.peopleIn(image, 1, signal);
		return found && portrait.identity.similarity(found);
	};
	const images: AsyncIterable<Painted | Judged> =
		likeness === undefined
			? paintRound(portraits, 1)
			: paintAlike(portraits, { check: likeness, seeds }, paintRound, read);
	for await (const painted of images) {
		const image = imageOf(painted, { painting, inputs, photos, warnings }, core);
		await admission?.log(painted.portrait.person, () =>
			isDrawnWithOthers(painted.portrait, painting) ? Promise.resolve(undefined) : image.recipe(),
		);
		give(image);
	}
}

/** Images that are painted again draw for themselves, so that the seed of one gives it again. */
function drawnAlone({ edit, ...inputs }: Inputs): Inputs {
	return { ...inputs, ...(edit && { edit: { ...edit, drawsOnce: false } }) };
}

/** What is known of a call when it has begun. */
type Begun = Readonly<{ painting: Painting; inputs: Inputs; photos: PhotoDigests; warnings: readonly Warning[] }>;

function imageOf(image: Painted | Judged, begun: Begun, core: Core): GeneratedImage {
	const { pixels, portrait } = image;
	const judged = 'warnings' in image ? image : undefined;
	return new GeneratedImage(pixels, begun.inputs.size, portrait.seed, portrait.index, {
		recipe: recipeMaker(ingredientsOf(portrait, begun), core.describe),
		similarity: judged?.similarity,
		warnings: [...begun.warnings, ...(judged?.warnings ?? [])],
		provenance: begun.painting.marking.provenance,
		origin: originOf(portrait, begun.painting),
	});
}

/** What the marks of an image's file may tell of it. */
function originOf({ identity }: Portrait, { inputs: { edit, steering }, marking: { cacheDir } }: Painting): Origin {
	const { control, reference } = steering;
	const used: Readonly<Record<InputRole, boolean>> = {
		...{ image: edit !== undefined, mask: edit !== undefined && edit.masks.length > 0 },
		...{ control: control !== undefined && 'image' in control, reference: reference !== undefined },
	};
	return { inputs: (Object.keys(used) as InputRole[]).filter((role) => used[role]), identity, cacheDir };
}

function ingredientsOf(portrait: Portrait, { painting, inputs, photos }: Begun): Ingredients {
	const { index, identity, seed, place } = portrait;
	const { decided, portraits, manner, used } = painting;
	const { latents, drawnFor, noise } = manner;
	const numbers = (latents?.length ?? 0) / portraits.length;
	const { edit, ...asked } = painting.inputs;
	return {
		...{ identity, used, options: { ...decided, seed, ...inputs.size } },
		...(noise === 'batch' && { batch: { images: drawnFor, place } }),
		...recipeInputs(portrait, { edit, ...asked }, inputs, photos),
		latents: latents?.subarray(index * numbers, (index + 1) * numbers),
		isDrawnWithOthers: isDrawnWithOthers(portrait, painting),
	};
}

function isDrawnWithOthers(
	{ index, seed }: Portrait,
	{ portraits, manner, seeds, inputs: { edit } }: Painting,
): boolean {
	if (edit === undefined) return false;
	// Of those painted again, each draws for itself.
	const isFirst = seed === seeds.of(index, 1);
	return (
		(edit.drawsOnce && isFirst && edit.photos.length < portraits.length) ||
		(manner.noise === 'batch' && edit.photos.length > 1)
	);
}

/** Who is shown in the photos that images begin as, or refer to: what an image shows of them is of people, too. */
async function peopleIn({ edit, steering, alignedBy }: Inputs, core: Core, signal: AbortSignal): Promise<Shown> {
	const begun = edit?.photos ?? [];
	const photos = [
		...begun.map((photo, of) => ({ photo, option: 'image', whose: begun.length > 1 ? { of } : {} })),
		...(steering.reference ? [{ photo: steering.reference.photo, option: 'reference.photo', whose: {} }] : []),
	];
	const people: Shown[number][] = [];
	for (const { photo, option, whose } of photos) {
		const shown = await core.peopleIn({ ...photo, name: option, photo: option }, Number.POSITIVE_INFINITY, signal);
		people.push(...shown.map(({ embedding }) => ({ embedding, photo: option, ...whose })));
	}
	// A face that nobody finds may have been told.
	if (steering.reference && alignedBy) {
		const option = 'reference.photo';
		const photo = { ...steering.reference.photo, name: option, photo: option };
		people.push({ embedding: (await core.personAt(photo, alignedBy, signal)).embedding, photo: option });
	}
	return people;
}
