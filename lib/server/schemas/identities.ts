// What is said of a photo, and answered of its person.
import type { PhotoFields } from '../bodies/photos.ts';
import { finding, foundFace, identity, photo, type Schema, warnings } from './shared.ts';

export const identityPhotos: PhotoFields = { photo: 'one' };

export const identitiesBody = {
	type: 'object',
	properties: { photo, ...finding },
	additionalProperties: false,
} as const satisfies Schema;

export const identitiesAnswer = {
	type: 'object',
	properties: {
		identity,
		face: { ...foundFace, description: 'The face that was read.' },
		faces: { type: 'array', items: foundFace, description: 'All faces that were found, the largest first.' },
		warnings,
	},
	required: ['identity', 'face', 'faces', 'warnings'],
} as const satisfies Schema;
