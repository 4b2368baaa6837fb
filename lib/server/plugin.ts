// The server as a Fastify plugin: everything of it is in a context of its own, so that it changes nothing of the app around it.
import multipart from '@fastify/multipart';
import swagger from '@fastify/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { Perform } from '../jobs/request.ts';
import { packageVersion } from '../package.ts';
import { readImages } from './bodies/read.ts';
import { type Limits, usualLimits } from './limits.ts';
import { watchMethods } from './methods.ts';
import type { Painter } from './painter.ts';
import { performer, roomOf } from './perform.ts';
import { ServerError } from './problem.ts';
import { answerProblems } from './problem-answer.ts';
import { admitter, charger, receive } from './receive.ts';
import { Reception } from './reception.ts';
import { healthRoutes } from './routes/health.ts';
import { identityRoutes } from './routes/identities.ts';
import { type Jobs, jobRoutes } from './routes/jobs.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { modelRoutes } from './routes/models.ts';
import { pageRoutes } from './routes/page.ts';
import { portraitRoutes } from './routes/portraits.ts';
import type { Service } from './service.ts';

/** Of the official weights: workers know what theirs is. */
const unknownSize = { width: 512, height: 512 };

/** How the server works. */
export interface PortraitServerOptions {
	/** A model or a pool; or a promise of one, until which it answers that it isn't ready. Stays yours to dispose. Without one, only jobs are taken. */
	model?: Painter | Promise<Painter> | undefined;
	/** Where jobs are kept (default: none are taken). Stays yours to close, and to work on. */
	jobs?: Jobs | undefined;
	/** How much one request may ask for. */
	limits?: Partial<Limits> | undefined;
	/** Who may use it, and how much of it (default: everybody, as much as there is room for). Stays yours to close. */
	reception?: Reception | undefined;
}

/**
 * A Fastify plugin that serves a model over HTTP: `app.register(portraitServer, { model, prefix: '/faces' })`.
 */
export const portraitServer: FastifyPluginAsync<PortraitServerOptions> = async (server, options) => {
	const limits = { ...usualLimits, ...options.limits };
	const { model, loaded } = painterOf(options.model);
	const reception = options.reception ?? (await Reception.open());
	let perform: Perform | undefined;
	const service: Service = {
		limits,
		painter: model,
		perform: async (request, told) => {
			perform ??= performer(model(), roomOf(model()));
			await perform(request, told);
		},
		admit: admitter(reception),
		imageSize: () => (options.model === undefined ? unknownSize : model().info.imageSize),
		charge: charger(reception),
		ending: reception.shutdown.begun,
	};
	const { jobs } = options;
	reception.measure({ usage: () => loaded()?.usage, ...(jobs && { jobs: () => jobs.queue.counts() }) });
	server.decorateRequest('photos');
	server.addHook('onRequest', async (request) => {
		request.photos = {};
	});
	validate(server);
	receive(server, reception, limits.bodyBytes);
	answerProblems(server);
	server.removeContentTypeParser('text/plain');
	await server.register(multipart);
	readImages(server, limits.bodyBytes);
	await describe(server);
	const refuseOtherMethods = watchMethods(server);
	healthRoutes(server, {
		requireAlive: () => {
			if (loaded()?.isLost) throw allLost();
		},
		requireReady: () => {
			reception.shutdown.requireNone();
			if (options.model !== undefined) model();
		},
	});
	metricsRoutes(server, reception.metrics);
	modelRoutes(server, service);
	identityRoutes(server, service);
	portraitRoutes(server, service);
	if (jobs !== undefined) jobRoutes(server, service, jobs);
	pageRoutes(server);
	server.get('/openapi.json', { schema: { hide: true } as never }, async () => server.swagger());
	refuseOtherMethods();
};

/** @returns `model`: throws until it is there */
function painterOf(model: PortraitServerOptions['model']): {
	model: () => Painter;
	loaded: () => Painter | undefined;
} {
	let painter: Painter | undefined;
	let failure: unknown;
	if (!(model instanceof Promise)) painter = model;
	else {
		model.then(
			(loaded) => {
				painter = loaded;
			},
			(error: unknown) => {
				failure = error;
			},
		);
	}
	const required = () => {
		if (painter !== undefined) return painter;
		if (model === undefined) throw noModel();
		const problem = failure === undefined ? 'The model is being loaded.' : 'The model could not be loaded.';
		throw new ServerError('UNAVAILABLE', problem, { headers: { 'retry-after': '5' } });
	};
	return { model: required, loaded: () => painter };
}

function noModel(): ServerError {
	return new ServerError('NOT_IMPLEMENTED', 'This server has no model: workers paint for it.', {
		remedy: 'Add a job: POST /v1/jobs.',
	});
}

function allLost(): ServerError {
	return new ServerError('UNAVAILABLE', 'Every GPU of the model has failed.', {
		...{ remedy: 'Start the server again.', headers: { 'retry-after': '30' } },
	});
}

/** Nothing is turned into what it is not, and nothing is left out; but all of an address is text. */
function validate(server: FastifyInstance): void {
	const strict = new Ajv2020({ strict: false, allErrors: false });
	const ofText = new Ajv2020({ strict: false, coerceTypes: true });
	server.setValidatorCompiler(({ schema, httpPart }) =>
		(httpPart === 'body' ? strict : ofText).compile(schema as object),
	);
	// The schemas of answers describe: they take nothing away.
	server.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

async function describe(server: FastifyInstance): Promise<void> {
	await server.register(swagger, {
		openapi: {
			openapi: '3.1.0',
			info: {
				title: 'arc2face',
				description: 'New photographs of the same person.',
				version: packageVersion(),
			},
			components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
		},
	});
}
