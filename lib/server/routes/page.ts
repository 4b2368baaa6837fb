// GET /: the page for people, from memory. All that it needs is in one folder beside this one.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const folder = new URL('../page/', import.meta.url);

const mediaTypes: Readonly<Record<string, string>> = {
	'.html': 'text/html; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.svg': 'image/svg+xml',
};

/** Nothing but what this server sends, and the photos and portraits that the page itself holds. */
const policy = [
	...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", 'media-src blob:'],
	...["connect-src 'self'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"],
].join('; ');

export function pageRoutes(server: FastifyInstance): void {
	for (const name of readdirSync(folder)) {
		const type = mediaTypes[extname(name)];
		if (type === undefined) continue;
		const bytes = readFileSync(new URL(name, folder));
		const headers = {
			etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
			'cache-control': 'no-cache', // kept, but asked for: a new version shows at once
			'content-security-policy': policy,
			'x-content-type-options': 'nosniff',
			'referrer-policy': 'no-referrer',
		};
		const isPage = name === 'index.html';
		server.get(isPage ? '/' : `/page/${name}`, {
			schema: { hide: true } as never,
			handler: async (request: FastifyRequest, reply: FastifyReply) => {
				const [path = ''] = request.originalUrl.split('?');
				// Its addresses are relative.
				if (isPage && !path.endsWith('/')) return reply.redirect(`${path.slice(path.lastIndexOf('/') + 1)}/`);
				reply.headers(headers);
				if (request.headers['if-none-match'] === headers.etag) return reply.code(304).send();
				return reply.type(type).send(bytes);
			},
		});
	}
}
