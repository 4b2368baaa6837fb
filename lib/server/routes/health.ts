// GET /healthz and /readyz: for whoever looks after the process.
import type { FastifyInstance } from 'fastify';
import { failures } from '../schemas/shared.ts';

const answer = {
	200: {
		description: 'It does.',
		...{ type: 'object', properties: { status: { enum: ['ok'] } }, required: ['status'] },
	},
};

/**
 * @param requireAlive - throws a ServerError where only a new process helps
 * @param requireReady - throws a ServerError while the server can't take work
 */
export function healthRoutes(
	server: FastifyInstance,
	{ requireAlive, requireReady }: Readonly<Record<'requireAlive' | 'requireReady', () => void>>,
): void {
	const ok = { status: 'ok' };
	server.get('/healthz', {
		schema: {
			summary: 'Whether the process lives: if not, start it again',
			operationId: 'health',
			response: { ...answer, ...failures(408, 500, 503) },
		},
		handler: async () => {
			requireAlive();
			return ok;
		},
	});
	server.get('/readyz', {
		schema: {
			summary: 'Whether it takes work',
			operationId: 'ready',
			response: { ...answer, ...failures(408, 500, 503) },
		},
		handler: async () => {
			requireAlive();
			requireReady();
			return ok;
		},
	});
}
