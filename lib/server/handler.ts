// The server for apps that are not made with Fastify: Express, or node:http.
import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify from 'fastify';
import { type PortraitServerOptions, portraitServer } from './plugin.ts';

/** Answers requests; as `node:http` and Express call it. */
export type PortraitHandler = {
	(request: IncomingMessage, response: ServerResponse): void;
	/** Ends what belongs to the handler; requests that it is answering end first. */
	close(): Promise<void>;
};

/**
 * The server as a function of request and response: `http.createServer(handler)`, or in Express `app.use('/faces', handler)`, before any
 * parser of bodies.
 *
 * @param options - as for {@link portraitServer}
 */
export async function portraitHandler(options: PortraitServerOptions): Promise<PortraitHandler> {
	const app = fastify({ routerOptions: { maxParamLength: 10_000 } }); // schemas say what is too long
	await app.register(portraitServer, options);
	await app.ready();
	const handler = (request: IncomingMessage, response: ServerResponse) => app.routing(request, response);
	return Object.assign(handler, { close: async () => await app.close() });
}
