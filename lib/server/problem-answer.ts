// Every failure of a request, Fastify's own among them, as a problem; what is the server's fault is logged.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Arc2FaceError } from '../errors.ts';
import { StoreAway } from '../jobs/job.ts';
import { baseOf } from './base.ts';
import { type Problem, problemOf, type ServerCode, ServerError } from './problem.ts';

/** Fastify's own failures, by its codes: https://fastify.dev/docs/latest/Reference/Errors/ */
const ofFastify: Readonly<Record<string, ServerCode>> = {
	FST_ERR_CTP_BODY_TOO_LARGE: 'TOO_LARGE',
	FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
	FST_REQ_FILE_TOO_LARGE: 'TOO_LARGE',
	FST_PARTS_LIMIT: 'TOO_LARGE',
	FST_FILES_LIMIT: 'TOO_LARGE',
	FST_FIELDS_LIMIT: 'TOO_LARGE',
};

const remedies: Readonly<Partial<Record<ServerCode, string>>> = {
	TOO_LARGE: 'Send less at a time: `GET /v1/models` has the limits.',
	UNSUPPORTED_MEDIA_TYPE: 'Send application/json or multipart/form-data.',
};

/** A request's failure, as its client is told. */
export function problemFor(
	error: unknown,
	request: FastifyRequest,
): { problem: Problem; headers: Readonly<Record<string, string>> } {
	const { problem, headers } = problemOf(known(error));
	request.failure = problem.code;
	if (isFault(problem.code, error)) request.log.error({ err: error }, 'request failed');
	return { problem: { ...problem, requestId: request.id }, headers };
}

/** Whether somebody should look into it: not where the server said itself that it is busy with something else. */
function isFault(code: Problem['code'], error: unknown): boolean {
	return code === 'INTERNAL' || (!(error instanceof ServerError) && problemOf(known(error)).problem.status >= 500);
}

function known(error: unknown): unknown {
	if (error instanceof ServerError || error instanceof Arc2FaceError) return error;
	if (error instanceof StoreAway) {
		return new ServerError('UNAVAILABLE', 'The store of jobs does not answer.', {
			...{ remedy: 'Try again in a while.', headers: { 'retry-after': '5' }, cause: error },
		});
	}
	const { code, validation, statusCode, message } = error as Partial<FastifyError>;
	if (validation !== undefined) return invalidBody(error as FastifyError);
	const meant = ofFastify[code ?? ''];
	if (meant !== undefined) return new ServerError(meant, `${message}.`, { remedy: remedies[meant], cause: error });
	// Bodies that are no JSON, lengths that do not fit, forms that end too early.
	if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
		return new Arc2FaceError('INVALID_ARGUMENT', `The request can't be read: ${message}.`, { cause: error });
	}
	return error;
}

function invalidBody({ validation = [], validationContext = 'body' }: FastifyError): Arc2FaceError {
	const [first] = validation;
	const params = (first?.params ?? {}) as { additionalProperty?: string; allowedValues?: unknown[]; type?: string };
	const path = (first?.instancePath ?? '').slice(1).replaceAll('/', '.');
	const where = path === '' ? `The ${validationContext}` : `\`${path}\``;
	const unknown = params.additionalProperty?.slice(0, 80);
	const option = unknown ?? path;
	const details = option === '' ? {} : { option };
	if (unknown !== undefined) {
		const told = path === '' ? `The ${validationContext} has` : `\`${path}\` has`;
		return new Arc2FaceError('INVALID_ARGUMENT', `${told} ${JSON.stringify(unknown)}, which is not known.`, {
			...{ remedy: 'Look for how it is spelled: /openapi.json has all fields.', details },
		});
	}
	const choices = params.allowedValues === undefined ? '' : `: ${params.allowedValues.join(', ')}`;
	const remedy =
		params.type !== 'object' && params.type !== 'array'
			? undefined
			: path === ''
				? 'Send an object in JSON, or a form.'
				: 'In a form its value is JSON.';
	return new Arc2FaceError('INVALID_ARGUMENT', `${where} ${first?.message ?? 'is not what it may be'}${choices}.`, {
		...{ details, remedy },
	});
}

/** Answers failures in this part of the server as problems. */
export function answerProblems(server: FastifyInstance): void {
	server.setErrorHandler((error, request, reply) => {
		const { problem, headers } = problemFor(error, request);
		return send(reply, problem, headers);
	});
	server.setNotFoundHandler((request, reply) => {
		const path = request.url.split('?')[0] ?? '';
		const { problem, headers } = problemFor(
			new ServerError('NOT_FOUND', `There is no ${request.method} ${path.slice(0, 200)}.`, {
				remedy: `See ${baseOf(request)}/openapi.json.`,
			}),
			request,
		);
		return send(reply, problem, headers);
	});
}

function send(reply: FastifyReply, problem: Problem, headers: Readonly<Record<string, string>>): FastifyReply {
	// Nobody reads it any more, or half of another answer is on its way.
	if (reply.raw.headersSent || reply.raw.destroyed) return reply;
	return reply.code(problem.status).headers(headers).type('application/problem+json').send(JSON.stringify(problem));
}
