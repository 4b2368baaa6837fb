// What steers the portraits of a call besides their identities, read and drawn: the core's form of it.
import type { Bundle } from '../bundle/bundle.ts';
import { featuresOfKeypoints, featuresOfLandmarks, ffhqSquare } from '../faces/ffhq.ts';
import { latentChannels, type Point, type Size } from '../geometry.ts';
import type { NativeGenerateRequest } from '../native.ts';
import { invalid } from '../options/check.ts';
import type { FaceChoice } from '../options/faces.ts';
import { controlScale, type ReferenceOptions, referenceScale, type SteeringOptions } from '../options/steering.ts';
import { type Pixels, readPhoto } from '../photo.ts';
import type { Warning } from '../warnings.ts';
import { drawPose } from './pose-map.ts';

/** The keypoints of the chosen face of a photo, and what may be wrong with it. */
type FoundFace = { keypoints: readonly Point[]; warnings: readonly Warning[] };
export type FindFace = (photo: Pixels, choice: FaceChoice | undefined) => Promise<FoundFace>;

type NativeSteering = Pick<NativeGenerateRequest, 'control' | 'expression' | 'reference'>;
export type ReadSteering = Readonly<{ steering: NativeSteering; warnings: readonly Warning[] }>;

/**
 * @param images - how many the call paints, of this size
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`; `INVALID_IMAGE`; what `findFace` throws
 */
export async function readSteering(
	options: SteeringOptions,
	{ expressions, framing, geometry }: Pick<Bundle, 'expressions' | 'framing' | 'geometry'>,
	images: number,
	size: Size,
	findFace: FindFace,
): Promise<ReadSteering> {
	const { control, expression, expressionScale = 1, reference } = options;
	const steering: NativeSteering = {};
	if (expression !== undefined) {
		steering.expression = { numbers: expressionNumbers(expression, expressions), scale: expressionScale };
	}
	if (reference !== undefined) checkNoise(reference, images, size, geometry.pixelsPerLatent);
	if (control?.pose !== undefined) {
		const image = { ...size, data: await drawPose(control.pose, framing, size) };
		steering.control = { image, scale: controlScale(control) };
	} else if (control?.image !== undefined) {
		const image = await readPhoto(control.image, { option: 'control.image' });
		steering.control = { image, scale: controlScale(control) };
	}
	if (reference === undefined) return { steering, warnings: [] };
	const { warnings, ...read } = await readReference(reference, findFace);
	return { steering: { ...steering, reference: read }, warnings };
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

function checkNoise(
	{ noise }: ReferenceOptions,
	images: number,
	{ width, height }: Size,
	pixelsPerLatent: number,
): void {
	if (noise === undefined) return;
	const one = (latentChannels * width * height) / pixelsPerLatent ** 2;
	if (noise.length === one || noise.length === one * images) return;
	const lengths = images === 1 ? `${one}` : `${one} or ${one * images}`;
	throw invalid(`${lengths} numbers`, 'reference.noise', `${noise.length}`);
}

async function readReference(
	reference: ReferenceOptions,
	findFace: FindFace,
): Promise<NonNullable<NativeSteering['reference']> & Pick<FoundFace, 'warnings'>> {
	const { photo, face, landmarks, align = true, noise } = reference;
	const pixels = await readPhoto(photo, { option: 'reference.photo' });
	const read = { photo: pixels, scale: referenceScale(reference), ...(noise && { noise }) };
	if (!align) return { ...read, warnings: [] };
	if (landmarks !== undefined) return { ...read, face: ffhqSquare(featuresOfLandmarks(landmarks)), warnings: [] };
	const { keypoints, warnings } = await findFace(pixels, face);
	return { ...read, face: ffhqSquare(featuresOfKeypoints(keypoints)), warnings };
}
