// JSON Schemas (2020-12) of what several routes say. What validates is what /openapi.json shows.
import { embeddingLength } from '../../identity.ts';
import { warningCodes } from '../../warnings.ts';

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

const number = { type: 'number' } as const;

export const photo = {
	type: 'string',
	contentEncoding: 'base64',
	description: 'A photo (JPEG, PNG, WebP, AVIF, GIF, TIFF) in base64, or a data: URL of one; in forms a file.',
} as const;

export const point = {
	type: 'array',
	items: number,
	minItems: 2,
	maxItems: 2,
	description: 'x and y in pixels.',
} as const;

export const keypoints = { type: 'array', items: point, minItems: 5, maxItems: 5 } as const;

export const face = {
	description:
		'Which face of the photo: `largest` (default), `only`, an index from 0, the largest, or five keypoints, which need no detection.',
	anyOf: [
		{ enum: ['largest', 'only'] },
		{ type: 'integer', minimum: 0, maximum: 65_535 },
		{ type: 'object', properties: { keypoints }, required: ['keypoints'] },
		keypoints,
	],
} as const;

export const finding = {
	face,
	detectionSize: {
		type: 'integer',
		...{ minimum: 32, maximum: 4096, multipleOf: 32 },
		description: 'Side of the square that the photo is fitted into to find faces (default 640).',
	},
	threshold: { type: 'number', minimum: 0, maximum: 1, description: 'Least score of a face (default 0.5).' },
} as const;

export const identity = {
	type: 'object',
	description: 'A person, as ArcFace sees one: biometric data.',
	properties: { embedding: { type: 'array', items: number, minItems: embeddingLength, maxItems: embeddingLength } },
	required: ['embedding'],
	additionalProperties: false,
} as const;

const box = {
	type: 'object',
	properties: { x: number, y: number, width: number, height: number },
	required: ['x', 'y', 'width', 'height'],
} as const;

export const foundFace = {
	type: 'object',
	properties: { box, keypoints, score: number, rotation: { enum: [0, 90, 180, 270] } },
	required: ['keypoints'],
} as const;

export const warnings = {
	type: 'array',
	items: {
		type: 'object',
		properties: { code: { enum: Object.keys(warningCodes) }, message: { type: 'string' } },
		required: ['code', 'message'],
	},
} as const;

export const problem = {
	type: 'object',
	description: 'What went wrong (RFC 9457).',
	properties: {
		type: { type: 'string', format: 'uri', description: 'A page that tells about this code.' },
		title: { type: 'string' },
		status: { type: 'integer' },
		detail: { type: 'string', description: 'What was wrong, and where.' },
		code: { type: 'string', description: 'For programs; stable between versions.' },
		remedy: { type: 'string', description: 'What to do about it.' },
		details: { type: 'object' },
		requestId: { type: 'string' },
	},
	required: ['type', 'title', 'status', 'detail', 'code'],
} as const;

/** The failures that a route may answer with. */
export function failures(...statuses: readonly number[]): Schema {
	const answer = (status: number) => ({
		description: descriptions[status]!,
		content: { 'application/problem+json': { schema: problem } },
	});
	return Object.fromEntries(statuses.map((status) => [status, answer(status)]));
}

const descriptions: Readonly<Record<number, string>> = {
	400: 'A field is not what it may be.',
	401: 'There is no API key, or one that is not known.',
	403: 'It is not allowed: by a consent ledger, a deny list, or from this origin.',
	404: 'There is none.',
	406: 'The answer can not have that form.',
	408: 'The request took too long to arrive.',
	409: 'A request with the same idempotency key is still being worked on.',
	413: 'Body or photo are too large.',
	415: 'The body has a form that is not known.',
	422: 'A photo can not be read or shows no face, or the idempotency key was used for another request.',
	429: 'Too many requests or images; `Retry-After` says when to come again.',
	500: 'The server has a fault.',
	501: 'The server has no such networks.',
	503: 'It can not be done at the moment; `Retry-After` says when to come again.',
};

/** Those of every route that works. */
export const usualFailures = failures(400, 401, 403, 408, 413, 415, 422, 429, 500, 501, 503);

/** The header under which a request is answered once, however often it is sent. */
export const idempotencyKey = {
	type: 'object',
	properties: { 'idempotency-key': { type: 'string', minLength: 1, maxLength: 255 } },
} as const satisfies Schema;
