// What happens to every request before its route and after it: the hooks of the reception.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { digestOf } from '../jobs/requests.ts';
import { heartbeatSeconds } from './answers/events.ts';
import type { Client } from './clients/client.ts';
import type { Release } from './gate/admission.ts';
import type { Visitor } from './gate/gate.ts';
import type { Begun } from './idempotency.ts';
import { afterAnswer, cutStalled, Endings, leavingOf } from './leaving.ts';
import { ServerError } from './problem.ts';
import type { Reception } from './reception.ts';
import type { Admit, Service, Work } from './service.ts';

declare module 'fastify' {
	interface FastifyRequest {
		/** Who asks; undefined until that is known, and where it does not matter. */
		client: Client | undefined;
		/** Images that were painted for it. */
		painted: number;
		/** Code of the error that it is answered with. */
		failure: string | undefined;
		/** Called when the answer has gone out, or nobody waits for it any more. */
		endings: Endings;
		/** An answer that a later request with the same idempotency key gets, too. */
		kept: Begun | undefined;
	}
}

/** Routes that paint or read photos, and answer with what they made. */
const makers: readonly string[] = ['/v1/portraits', '/v1/identities'];

/** Files that are sent as a whole. */
const imageRoute = '/v1/jobs/:id/images/:name';

/** @param bodyBytes - that a body may have */
export function receive(server: FastifyInstance, reception: Reception, bodyBytes: number): void {
	const { prefix } = server;
	// Files of the page are one route to whoever counts.
	const routeOf = ({ routeOptions }: FastifyRequest) =>
		routeOptions.url?.slice(prefix.length).replace(/^\/page\/.+/, '/page/*');
	server.decorateRequest('client', undefined);
	server.decorateRequest('painted', 0);
	server.decorateRequest('failure', undefined);
	server.decorateRequest('kept', undefined);
	server.decorateRequest('endings');

	server.addHook('onRequest', async (request, reply) => {
		conclude(request, reply, reception, routeOf(request));
		const { headers, method } = request;
		const { origins } = reception;
		reply.header('x-request-id', request.id).headers(origins.headersFor(headers.origin));
		origins.check({ method, host: headers.host, origin: headers.origin, site: text(headers['sec-fetch-site']) });
		if (method === 'OPTIONS' && headers['access-control-request-method'] !== undefined) {
			return reply.code(204).headers(origins.preflightHeadersFor(headers.origin)).send();
		}
		const route = routeOf(request);
		if (route === undefined || !isGuarded(route)) return;
		request.client = clientOf(request, reception);
		reply.headers(await reception.gate.count(visitorOf(request)));
		if (method === 'POST' || route === imageRoute) request.endings.add(reception.shutdown.enter());
		if (method !== 'POST') return;
		const length = Number(headers['content-length'] ?? bodyBytes);
		const release: Release = reception.gate.receive(Math.min(length, bodyBytes));
		request.endings.add(() => release());
	});

	server.addHook('preHandler', async (request, reply) => {
		const route = routeOf(request) ?? '';
		const key = text(request.headers['idempotency-key']);
		if (key === undefined || request.method !== 'POST' || !makers.includes(route)) return;
		const { accept } = request.headers;
		const digest = digestOf({ fields: { body: request.body, accept: accept ?? '' }, files: request.photos });
		const begun = reception.answers.begin(`${visitorOf(request).client.name} ${route}`, key, digest);
		if (begun.answer === undefined) {
			request.kept = begun;
			request.endings.add(() => begun.abandon());
			return;
		}
		const { status, headers, body } = begun.answer;
		return reply.code(status).headers(headers).header('idempotency-replayed', 'true').send(Buffer.from(body));
	});

	const { idleSeconds } = reception.gate.limits;
	server.addHook('onSend', async (request, reply, payload) => {
		const type = String(reply.getHeader('content-type'));
		const isEvents = type.startsWith('text/event-stream');
		// Parts may be as far from each other as images take.
		if (payload && !type.startsWith('multipart/')) {
			cutStalled(reply, isEvents ? Math.max(idleSeconds, 2 * heartbeatSeconds) : idleSeconds);
		}
		if (request.kept?.answer === undefined && (typeof payload === 'string' || Buffer.isBuffer(payload))) {
			request.kept?.finish({ status: reply.statusCode, headers: keptHeaders(reply), body: Buffer.from(payload) });
		}
		return payload;
	});
}

/** @returns lets work in that a request asks for */
export function admitter({ gate, shutdown, metrics }: Reception): Admit {
	return async (request, reply, cost): Promise<Work> => {
		const place = await gate.enter(visitorOf(request), { ...cost, bytes: 0 });
		const late = new AbortController();
		const { paintingSeconds, idleSeconds } = gate.limits;
		const timer = setTimeout(() => late.abort(timedOut(paintingSeconds)), paintingSeconds * 1000);
		return {
			signal: AbortSignal.any([leavingOf(reply), shutdown.signal, late.signal]),
			painted: () => {
				request.painted++;
				metrics.painted(1);
			},
			spent: (phase, seconds) => metrics.spent(phase, seconds),
			leave: () => {
				clearTimeout(timer);
				place.leave(request.painted);
				if (reply.raw.headersSent) cutStalled(reply, idleSeconds);
			},
		};
	};
}

/** @returns counts the images of jobs */
export function charger({ gate }: Reception): Service['charge'] {
	return async (request, images) => await gate.charge(visitorOf(request), images);
}

function isGuarded(route: string): boolean {
	return route.startsWith('/v1/') || route === '/metrics';
}

/** @throws {ServerError} `UNAUTHORIZED` */
function clientOf({ headers }: FastifyRequest, { clients }: Reception): Client {
	const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
	const key = bearer ?? text(headers['x-api-key']);
	const client = clients.find(key);
	if (client !== undefined) return client;
	throw new ServerError('UNAUTHORIZED', `Expected an API key but received ${key === undefined ? 'none' : 'another'}.`, {
		remedy:
			key === undefined
				? 'Send it as `Authorization: Bearer KEY`.'
				: 'Ask whoever runs the server for one: it may have been taken away.',
		headers: { 'www-authenticate': 'Bearer realm="arc2face"' },
	});
}

function visitorOf({ client, ip }: FastifyRequest): Visitor {
	if (client === undefined) throw new Error('The route is not guarded.');
	return { client, address: ip };
}

/** When the answer has gone out, or nobody waits for it any more: counted, and one line of the log. */
function conclude(request: FastifyRequest, reply: FastifyReply, { metrics }: Reception, route = 'none'): void {
	request.endings = new Endings();
	// That of an answer before it on the same connection is not its own.
	reply.raw.on('timeout', () => {});
	afterAnswer(reply, (hasLeft) => {
		request.endings.run();
		const { method, client, painted, failure } = request;
		const status = reply.statusCode;
		metrics.answered({ route, method, status, seconds: reply.elapsedTime / 1000 });
		if (failure !== undefined) metrics.failed(failure);
		request.log.info(
			{
				...{ client: client?.name, method, route, status, ms: Math.round(reply.elapsedTime) },
				...(painted > 0 && { images: painted }),
				...(failure !== undefined && { code: failure }),
				...(hasLeft && { left: true }),
			},
			'request',
		);
	});
}

function keptHeaders(reply: FastifyReply): Record<string, string> {
	const isKept = (name: string) => /^(content-type|content-disposition|cache-control|arc2face-.*)$/.test(name);
	const kept = Object.entries(reply.getHeaders()).filter(([name]) => isKept(name));
	return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function timedOut(seconds: number): ServerError {
	return new ServerError('TIMED_OUT', `Expected work of at most ${seconds} s but it took longer.`, {
		remedy: 'Ask for fewer images or steps, or for a job.',
		headers: { 'retry-after': '30' },
	});
}

function text(header: string | string[] | undefined): string | undefined {
	return Array.isArray(header) ? header[0] : header;
}
