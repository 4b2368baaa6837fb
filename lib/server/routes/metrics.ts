// GET /metrics: figures for Prometheus.
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.ts';
import { failures } from '../schemas/shared.ts';

export function metricsRoutes(server: FastifyInstance, metrics: Metrics): void {
	server.get('/metrics', {
		schema: {
			summary: 'Figures for Prometheus',
			description: 'Needs a key where keys are asked for: one with no images a day will do.',
			operationId: 'metrics',
			response: {
				200: { description: 'The figures.', content: { 'text/plain': { schema: { type: 'string' } } } },
				...failures(401, 403, 408, 429, 500),
			},
		},
		handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
	});
}
