// GET /healthz and /readyz: for whoever looks after the process.
import type { FastifyInstance } from 'fastify';
import { failures } from '../schemas/shared.ts';

const answer = {
	200: {
		description: 'It does.',
		...{ type: 'object', properties: { status: { enum: ['ok'] } }, required: ['status'] },
	},
};

/** @param requireReady - throws a ServerError while the server can't take work */
export function healthRoutes(server: FastifyInstance, requireReady: () => void): void {
	const ok = { status: 'ok' };
	server.get('/healthz', {
		schema: {
			summary: 'Whether the process answers',
			operationId: 'health',
			response: { ...answer, ...failures(408, 500) },
		},
		handler: async () => ok,
	});
	server.get('/readyz', {
		schema: {
			summary: 'Whether it takes work',
			operationId: 'ready',
			response: { ...answer, ...failures(408, 500, 503) },
		},
		handler: async () => {
			requireReady();
			return ok;
		},
	});
}
