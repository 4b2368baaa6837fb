// Where the server is, as its clients see it.
import type { FastifyRequest } from 'fastify';

/** The path before its own addresses: that of the app around it, as Express tells it, and the prefix of the plugin. */
export function baseOf({ raw, server }: Pick<FastifyRequest, 'raw' | 'server'>): string {
	const { baseUrl = '' } = raw as { baseUrl?: string };
	return baseUrl + server.prefix;
}
