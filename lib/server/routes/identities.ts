// POST /v1/identities: a photo becomes an identity.
import type { FastifyInstance } from 'fastify';
import { invalid } from '../../options/check.ts';
import type { EncodeOptions } from '../../options/faces.ts';
import { pixelsOf, requireSmall } from '../bodies/photos.ts';
import { readBody } from '../bodies/read.ts';
import { identitiesAnswer, identitiesBody, identityPhotos } from '../schemas/identities.ts';
import { idempotencyKey, usualFailures } from '../schemas/shared.ts';
import type { Service } from '../service.ts';

export function identityRoutes(server: FastifyInstance, { painter, limits, admit }: Service): void {
	server.post('/v1/identities', {
		bodyLimit: limits.bodyBytes,
		schema: {
			summary: 'Read who is in a photo',
			operationId: 'createIdentity',
			consumes: ['application/json', 'multipart/form-data', 'image/*'],
			headers: idempotencyKey,
			body: identitiesBody,
			response: { 200: { description: 'The person.', ...identitiesAnswer }, ...usualFailures },
		},
		preValidation: readBody(identityPhotos, limits.bodyBytes),
		handler: async (request, reply) => {
			const { photo } = request.photos;
			if (photo === undefined) throw invalid('a photo', 'photo', 'none');
			const pixels = pixelsOf(await requireSmall(request.photos, limits.photoPixels));
			const { signal, spent, leave } = await admit(request, reply, { images: 0, pixels });
			const begun = performance.now();
			try {
				const { face: choice, ...options } = request.body as EncodeOptions;
				const faces = typeof choice === 'object' ? [] : await painter().detect(photo, { ...options, signal });
				const identity = await painter().encode(photo, { face: choice, ...options, signal });
				reply.header('cache-control', 'no-store');
				spent('reading', (performance.now() - begun) / 1000);
				return { identity: identity.toJSON(), face: identity.face, faces, warnings: identity.warnings };
			} finally {
				leave();
			}
		},
	});
}
