// Addresses that are asked for by a method that they do not have.
import type { FastifyInstance } from 'fastify';
import { ServerError } from './problem.ts';

/** Call it before routes are added, and what it returns after. */
export function watchMethods(server: FastifyInstance): () => void {
	const allowed = new Map<string, Set<string>>();
	let isWatching = true;
	server.addHook('onRoute', ({ url, method }) => {
		if (!isWatching) return;
		const key = url.slice(server.prefix.length) || '/';
		const known = allowed.get(key) ?? new Set();
		for (const one of [method].flat()) known.add(one);
		allowed.set(key, known);
	});
	return () => {
		isWatching = false;
		for (const [url, known] of allowed) {
			const allow = [...known].sort().join(', ');
			server.route({
				method: server.supportedMethods.filter((method) => !known.has(method)),
				url,
				schema: { hide: true } as never,
				// Before a body is read, of whatever form.
				onRequest: async ({ method }) => {
					throw new ServerError('METHOD_NOT_ALLOWED', `This address has ${allow}, not ${method}.`, {
						headers: { allow },
					});
				},
				handler: async () => {},
			});
		}
	};
}
