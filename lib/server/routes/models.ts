// GET /v1/models: what paints, and what it can.
import { basename } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ModelInfo } from '../../load.ts';
import { samplerNames } from '../../samplers/samplers.ts';
import type { Limits } from '../limits.ts';
import { failures, type Schema, warnings } from '../schemas/shared.ts';
import type { Service } from '../service.ts';

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;

const model = {
	type: 'object',
	properties: {
		...{ device: text, provider: text, version: text, precision: text, bundle: text, decoder: text },
		...{ features: texts, expressions: texts, samplers: texts, warnings },
		...{ canEncode: { type: 'boolean' }, pixelsPerLatent: { type: 'integer' } },
		...{
			imageSize: { type: 'object' },
			presets: { type: 'object' },
			defaults: { type: 'object' },
			limits: { type: 'object' },
		},
	},
	required: ['device', 'provider', 'bundle', 'imageSize', 'features', 'presets', 'defaults', 'canEncode'],
} as const satisfies Schema;

export function modelRoutes(server: FastifyInstance, { painter, limits }: Service): void {
	server.get('/v1/models', {
		schema: {
			summary: 'What paints',
			operationId: 'listModels',
			response: {
				200: {
					description: 'The models.',
					...{ type: 'object', properties: { models: { type: 'array', items: model } }, required: ['models'] },
				},
				...failures(401, 403, 408, 429, 500, 503),
			},
		},
		handler: async () => {
			const model = painter();
			return { models: (model.models ?? [model]).map(({ info }) => modelJson(info, limits)) };
		},
	});
}

/** Without what only concerns the server: its paths. */
function modelJson(info: ModelInfo, limits: Limits) {
	const { device, provider, version, precision, imageSize, pixelsPerLatent, features, expressions } = info;
	const { presets, defaults, decoder, canEncode, warnings } = info;
	return {
		...{ device, provider, version, precision, bundle: basename(info.bundle), imageSize, pixelsPerLatent },
		...{ features, expressions, samplers: samplerNames, presets, defaults, decoder, canEncode, warnings, limits },
	};
}
