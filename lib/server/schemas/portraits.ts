// The body of a request for portraits: the options of `generate` that are data.
import { maxImages } from '../../options/manner.ts';
import { presetNames } from '../../options/presets.ts';
import { noiseModes } from '../../options/seeds.ts';
import { maxImageSide } from '../../options/sizes.ts';
import { samplerNames } from '../../samplers/samplers.ts';
import type { PhotoFields } from '../bodies/photos.ts';
import { face, finding, identity, photo, point, type Schema, warnings } from './shared.ts';

/** The formats that images are answered in. */
export const answeredFormats = ['png', 'jpeg', 'webp', 'avif'] as const;

/** The fields that hold photos. */
export const portraitPhotos: PhotoFields = {
	photo: 'one',
	image: 'several',
	mask: 'several',
	'control.image': 'one',
	'reference.photo': 'one',
};

const scale = { type: 'number', minimum: 0, maximum: 2 } as const;
const seed = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const side = { type: 'integer', minimum: 1, maximum: maxImageSide } as const;
const angle = (most: number) => ({ type: 'number', minimum: -most, maximum: most }) as const;
const numbers = {
	type: 'string',
	contentEncoding: 'base64',
	description: 'float32 numbers, little-endian, in base64.',
} as const;
const photos = { anyOf: [photo, { type: 'array', items: photo, minItems: 1, maxItems: 64 }] } as const;

const who = {
	identity: {
		...identity,
		description: 'Whom to paint, from `POST /v1/identities`. Or `identities`, `photo` or `recipe`.',
	},
	identities: {
		...{ type: 'array', items: identity, minItems: 1, maxItems: 64 },
		description: 'Several people, each of whom gets `count` portraits.',
	},
	photo: { ...photo, description: 'A photo of whom to paint, in base64 or as a data: URL; in forms a file.' },
	...finding,
} as const;

const options = {
	count: { type: 'integer', minimum: 1, maximum: maxImages, description: 'Portraits of each person (default 1).' },
	preset: { enum: presetNames, description: 'How much time a portrait may take (default `standard`).' },
	steps: {
		type: 'integer',
		minimum: 1,
		maximum: 1000,
		description: 'Network evaluations per portrait (default: by preset).',
	},
	guidanceScale: { type: 'number', minimum: 1, maximum: 1000, description: 'How strongly the identity steers.' },
	guidanceInterval: {
		...{ type: 'array', items: { type: 'number', minimum: 0 }, minItems: 2, maxItems: 2 },
		description: 'Guidance only between these noise levels.',
	},
	seed: {
		anyOf: [seed, { type: 'array', items: seed, minItems: 1, maxItems: maxImages }],
		description: 'Image i has seed + i; or one for each image (default: random, and told).',
	},
	noise: { enum: noiseModes, description: 'One generator for each image, or for all.' },
	sampler: { enum: samplerNames },
	eta: { type: 'number', minimum: 0, maximum: 1, description: 'Fresh noise in every step, of the sampler `ddim`.' },
	width: { ...side, description: 'In pixels, a multiple of `pixelsPerLatent` of the model (default: its own).' },
	height: { ...side, description: 'As `width`.' },
	latents: {
		...numbers,
		description: 'Initial noise instead of the generators’ draw: float32, little-endian, in base64.',
	},
	recipe: {
		type: 'object',
		description: 'Paint the image of this recipe again; the other options come before its own.',
	},
	check: {
		type: 'object',
		description: 'Paint portraits again that are less alike than this.',
		properties: {
			minSimilarity: { type: 'number', minimum: -1, maximum: 1 },
			tries: { type: 'integer', minimum: 1, maximum: 100 },
		},
		...{ required: ['minSimilarity'], additionalProperties: false },
	},
	preview: {
		type: 'object',
		description: 'Send previews, after every so many steps, in an answer of events.',
		...{ properties: { every: { type: 'integer', minimum: 1, maximum: 1000 } }, additionalProperties: false },
	},
	purpose: {
		type: 'string',
		minLength: 1,
		description: 'What the images are for, where the server asks a consent ledger.',
	},
	subject: {
		anyOf: [
			{ type: 'string', minLength: 1 },
			{ type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
		],
		description: 'Under whose record (default: found by similarity).',
	},
	scope: { type: 'string', minLength: 1, description: 'For which part of the purpose.' },
} as const;

const edit = {
	image: { ...photos, description: 'Begin as this photo; one for all people, or one for each.' },
	strength: {
		type: 'number',
		minimum: 0,
		maximum: 1,
		description: 'How much of it is painted over (default 0.8, with mask 1).',
	},
	mask: { ...photos, description: 'White where the photo is painted anew, black where it is kept.' },
	overlay: { type: 'boolean', description: 'Lay the photo over what was painted, where the mask is black.' },
} as const;

const steering = {
	control: {
		type: 'object',
		properties: {
			pose: {
				...{ type: 'object', additionalProperties: false },
				properties: { yaw: angle(90), pitch: angle(60), roll: angle(60) },
			},
			image: photo,
			scale,
		},
		additionalProperties: false,
	},
	expression: {
		anyOf: [
			{ type: 'string', minLength: 1 },
			{ type: 'array', items: { type: 'number' }, minItems: 55, maxItems: 55 },
		],
		description: 'A name that the model knows, or 55 numbers.',
	},
	expressionScale: scale,
	reference: {
		type: 'object',
		properties: {
			...{ photo, scale, face, align: { type: 'boolean' }, noise: numbers },
			landmarks: { type: 'array', items: point, minItems: 68, maxItems: 68 },
		},
		additionalProperties: false,
	},
} as const;

const answer = {
	format: { enum: answeredFormats, description: 'Of the files (default png).' },
	quality: { type: 'integer', minimum: 1, maximum: 100, description: 'Of files that are not lossless.' },
	recipes: { type: 'boolean', description: 'Also tell how each was made (default false): a recipe has the identity.' },
} as const;

/** The body, in JSON and in forms. */
export const portraitsBody = {
	type: 'object',
	properties: { ...who, ...options, ...edit, ...steering, ...answer },
	additionalProperties: false,
} as const satisfies Schema;

/** An image, without its file. */
export const imageProperties = {
	index: { type: 'integer', minimum: 0 },
	seed: { type: 'integer', minimum: 0 },
	width: { type: 'integer', minimum: 1 },
	height: { type: 'integer', minimum: 1 },
	mediaType: { enum: answeredFormats.map((format) => `image/${format}`) },
	similarity: { type: ['number', 'null'], description: 'To the person, with `check`; null where it shows no face.' },
	warnings,
	recipe: { type: 'object' },
} as const;

/** The answer in JSON. */
export const portraitsAnswer = {
	type: 'object',
	properties: {
		images: {
			type: 'array',
			items: {
				type: 'object',
				properties: { ...imageProperties, data: { type: 'string', contentEncoding: 'base64' } },
				required: ['index', 'seed', 'width', 'height', 'mediaType', 'data', 'warnings'],
			},
		},
	},
	required: ['images'],
} as const satisfies Schema;
