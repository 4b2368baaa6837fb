// A server of its own: Fastify with what a server in production has, and the portraits in it.
import { randomUUID } from 'node:crypto';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { refuseConnection } from './connections.ts';
import { type LogOptions, loggerOptions } from './logging.ts';
import { type PortraitServerOptions, portraitServer } from './plugin.ts';
import type { Reception } from './reception.ts';

export type AppOptions = PortraitServerOptions & { reception: Reception; log?: LogOptions | undefined };

/** @returns the server, which does not listen yet */
export async function portraitApp({ log, ...options }: AppOptions): Promise<FastifyInstance> {
	const { requestSeconds, idleSeconds } = options.reception.gate.limits;
	const app = fastify({
		logger: log === undefined ? false : loggerOptions(log),
		logController: new LogController({ disableRequestLogging: true }), // the reception writes one line for each
		genReqId: ({ headers }) => idOf(headers['x-request-id']),
		requestTimeout: requestSeconds * 1000,
		keepAliveTimeout: idleSeconds * 1000,
		clientErrorHandler: refuseConnection,
		forceCloseConnections: true, // of work that is not done: `Shutdown` waits for what is
		routerOptions: { maxParamLength: 10_000 }, // schemas say what is too long
		bodyLimit: 1, // routes with bodies have their own
	});
	await app.register(portraitServer, options);
	return app;
}

/** The client's own, if it may stand in a log. */
function idOf(given: string | string[] | undefined): string {
	return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
}
