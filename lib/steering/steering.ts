// What steers the portraits of a call besides their identities, read and drawn: the core's form of it.
import type { Bundle } from '../bundle/bundle.ts';
import { featuresOfKeypoints, featuresOfLandmarks, ffhqSquare, keypointsOfLandmarks } from '../faces/ffhq.ts';
import { latentChannels, type Point, type Size } from '../geometry.ts';
import type { NativeGenerateRequest } from '../native.ts';
import { invalid } from '../options/check.ts';
import type { FaceChoice } from '../options/faces.ts';
import { type ResolvedSteering, resolveControl, resolveReference, type SteeringOptions } from '../options/steering.ts';
import { type Pixels, readPhoto } from '../photo.ts';
import type { Warning } from '../warnings.ts';
import { drawPose } from './pose-map.ts';

/** The keypoints of the chosen face of a photo, and what may be wrong with it. */
export type FoundFace = { keypoints: readonly Point[]; warnings: readonly Warning[] };
export type FindFace = (photo: Pixels, choice: FaceChoice | undefined) => Promise<FoundFace>;

type Reference = NonNullable<ResolvedSteering['reference']>;
type NativeSteering = Pick<NativeGenerateRequest, 'control' | 'expression' | 'reference'>;
export type ReadSteering = Readonly<{
	/** Without noise. */
	steering: NativeSteering;
	/** Of a reference's latents: none, for all images, or for each. */
	referenceNoise: readonly Float32Array[];
	/** Of the face that a reference's photo was aligned by, if one was looked for. */
	keypoints?: readonly Point[];
	/** Five keypoints of the face that it was aligned by, whether it was found or told. */
	alignedBy?: readonly Point[];
	warnings: readonly Warning[];
}>;

/**
 * The call's options, with the numbers of an expression instead of its name.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a name that the bundle does not know
 */
export function resolveSteering(
	{ control, expression, expressionScale = 1, reference }: SteeringOptions,
	known: Bundle['expressions'],
): ResolvedSteering {
	return {
		...(control && { control: resolveControl(control) }),
		...(expression !== undefined && {
			expression: { numbers: expressionNumbers(expression, known), scale: expressionScale },
		}),
		...(reference && { reference: resolveReference(reference) }),
	};
}

/**
 * @param images - how many the call paints, of this size
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_IMAGE`; what `findFace` throws
 */
export async function readSteering(
	{ control, expression, reference }: ResolvedSteering,
	{ framing, geometry }: Pick<Bundle, 'framing' | 'geometry'>,
	images: number,
	size: Size,
	findFace: FindFace,
): Promise<ReadSteering> {
	const steering: NativeSteering = { ...(expression && { expression }) };
	const referenceNoise = reference === undefined ? [] : noiseOf(reference, images, size, geometry.pixelsPerLatent);
	if (control !== undefined) {
		const image =
			'pose' in control
				? { ...size, data: await drawPose(control.pose, framing, size) }
				: await readPhoto(control.image, { option: 'control.image' });
		steering.control = { image, scale: control.scale };
	}
	if (reference === undefined) return { steering, referenceNoise, warnings: [] };
	const { read, ...found } = await readReference(reference, findFace);
	return { steering: { ...steering, reference: read }, referenceNoise, ...found };
}

/**
 * The numbers of an expression.
 *
 * @param known - by the bundle, by name
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a name that it does not know
 */
export function expressionNumbers(expression: string | ArrayLike<number>, known: Bundle['expressions']): Float32Array {
	if (typeof expression !== 'string') return Float32Array.from(expression);
	const numbers = known.get(expression);
	if (numbers !== undefined) return Float32Array.from(numbers);
	const names = [...known.keys()];
	throw names.length > 0
		? invalid(`one of ${names.join(', ')}`, 'expression', JSON.stringify(expression))
		: invalid(
				'55 numbers',
				'expression',
				JSON.stringify(expression),
				'This bundle knows no expression by name: it has no expressions.json.',
			);
}

function noiseOf(
	{ noise }: Reference,
	images: number,
	{ width, height }: Size,
	pixelsPerLatent: number,
): Float32Array[] {
	if (noise === undefined) return [];
	const one = (latentChannels * width * height) / pixelsPerLatent ** 2;
	const rows = noise.length / one;
	if (rows === 1 || rows === images) {
		return Array.from({ length: rows }, (_, row) => noise.slice(row * one, (row + 1) * one));
	}
	const lengths = images === 1 ? `${one}` : `${one} or ${one * images}`;
	throw invalid(`${lengths} numbers`, 'reference.noise', `${noise.length}`);
}

async function readReference(
	{ photo, scale, face, landmarks, align }: Reference,
	findFace: FindFace,
): Promise<
	Readonly<{ read: NonNullable<NativeSteering['reference']> }> &
		Pick<ReadSteering, 'keypoints' | 'alignedBy' | 'warnings'>
> {
	const pixels = await readPhoto(photo, { option: 'reference.photo' });
	const read = { photo: pixels, scale };
	if (!align) return { read, warnings: [] };
	if (landmarks !== undefined) {
		const square = ffhqSquare(featuresOfLandmarks(landmarks));
		return { read: { ...read, face: square }, alignedBy: keypointsOfLandmarks(landmarks), warnings: [] };
	}
	const { keypoints, warnings } = await findFace(pixels, face);
	const square = ffhqSquare(featuresOfKeypoints(keypoints));
	return { read: { ...read, face: square }, keypoints, alignedBy: keypoints, warnings };
}
