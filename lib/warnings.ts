// Warnings: the call succeeded, but may not have done what was meant. The library prints nothing; results carry them.
import type { Size } from './geometry.ts';
import { type Sentence, say, type Wording } from './messages/wording.ts';

/**
 * Every kind of warning, and what it means.
 *
 * @enum
 */
export const warningCodes = {
	EMBEDDED_BUNDLE:
		'No bundle was asked for and none was downloaded: the embedded one paints, which knows drawn people only.',
	UNUSUAL_SIZE: 'Images of this size are far from those that the bundle was trained on: expect several faces, or none.',
	TEXT_ENCODER_LORA:
		"A LoRA has a part for a text encoder, which was left out: Arc2Face's own encoder reads faces, not words.",
	SEVERAL_FACES: 'There are several faces in the photo, and none was asked for: the largest was taken.',
	UNSURE_FACE: 'The score of the face is low: it may be no face, or one that is hidden or blurred.',
	SMALL_FACE: 'The face has few pixels, which tell little about a person.',
	TURNED_FACE: 'The face was found only when the photo was turned.',
	CUT_FACE: 'The face reaches the edge of the photo: part of it may be missing.',
	LOW_SIMILARITY: 'The portrait is less alike to its identity than was asked for, or shows no face; no try was better.',
	OTHER_DEVICE:
		'The recipe was made on another kind of device, in other arithmetic or by other versions: the image may differ a little.',
	OTHER_PHOTO: 'A photo is not the one that the recipe was made with.',
} as const;

/** A kind of warning. */
export type WarningCode = keyof typeof warningCodes;

/** What may be wrong with a result, or with the model that gives it. */
export interface Warning {
	/** What kind of warning this is, for programs; stable between versions. */
	readonly code: WarningCode;
	/** What is the matter, and what to do, for people. */
	readonly message: string;
}

/** How each message was put together: a warning itself is plain data. */
const sentences = new WeakMap<Warning, Sentence>();

/** @internal */
export function warning(code: WarningCode, sentence: Sentence): Warning {
	const made = { code, message: say(sentence) };
	sentences.set(made, sentence);
	return made;
}

/** The same warning for another reader. @internal */
export function inWordsOf(wording: Wording, told: Warning): Warning {
	return { ...told, message: say(sentences.get(told) ?? told.message, wording) };
}

/** @internal */
export function embeddedBundleWarning(): Warning {
	return warning(
		'EMBEDDED_BUNDLE',
		({ option }) =>
			`The embedded bundle knows drawn people only. Run \`arc2face pull\` for others, or hide this notice with ${option('bundle', 'tiny')}.`,
	);
}

/** @internal */
export function textEncoderLoraWarning(file: string): Warning {
	return warning(
		'TEXT_ENCODER_LORA',
		`The LoRA ${file} also has a part for a text encoder, which is left out: Arc2Face's own encoder reads faces, not words.`,
	);
}

/**
 * @param size - of the requested images, in pixels
 * @param trained - that of the bundle's training images
 * @internal
 */
export function sizeWarnings(size: Size, trained: Size): Warning[] {
	const ratios = [size.width / trained.width, size.height / trained.height];
	if (Math.max(...ratios) <= mostEnlarged && Math.min(...ratios) >= leastReduced) return [];
	return [
		warning(
			'UNUSUAL_SIZE',
			`Images of ${size.width} × ${size.height} pixels are far from the ${trained.width} × ${trained.height} that the bundle ` +
				'was trained on: expect several faces, or parts of one. Paint at its own size, and enlarge the images afterwards.',
		),
	];
}

// Per side. The embedded bundle, trained on 96 pixels, paints one face from 80 to 112, if less alike (0.68 and 0.73, at 96 0.82); at 128 several in
// 3 of 12, at 96 × 144 in 7.
const mostEnlarged = 1.25;
const leastReduced = 0.8;
