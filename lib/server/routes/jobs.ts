// /v1/jobs: portraits that are asked for now and fetched later.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Arc2FaceError } from '../../errors.ts';
import type { Added, Job, JobFilter, JobQueue, NewJob } from '../../jobs/job.ts';
import { keyOption } from '../../jobs/requests.ts';
import type { ResultStore } from '../../jobs/results.ts';
import { Events } from '../answers/events.ts';
import { baseOf } from '../base.ts';
import { readBody } from '../bodies/read.ts';
import { afterAnswer, leavingOf } from '../leaving.ts';
import { ServerError } from '../problem.ts';
import { problemFor } from '../problem-answer.ts';
import { fileParams, idParams, job, jobBody, jobList, listQuery } from '../schemas/jobs.ts';
import { portraitPhotos } from '../schemas/portraits.ts';
import { failures, idempotencyKey, usualFailures } from '../schemas/shared.ts';
import type { Service } from '../service.ts';
import { costOf, portraitRequest } from './portraits.ts';

/** Where jobs and their files are kept. */
export type Jobs = Readonly<{
	queue: JobQueue;
	results: ResultStore;
	/** That may wait; then the server is busy. */
	most: number;
}>;

const reading = failures(400, 401, 403, 404, 408, 429, 500, 503);

export function jobRoutes(server: FastifyInstance, service: Service, { queue, results, most }: Jobs): void {
	const { limits, imageSize } = service;
	const addressOf = (request: FastifyRequest, id: string) => `${baseOf(request)}/v1/jobs/${id}`;
	const shown = (request: FastifyRequest, { images, ...rest }: Job) => ({
		...rest,
		images: images.map(({ name, ...image }) => ({ ...image, url: `${addressOf(request, rest.id)}/images/${name}` })),
	});
	const find = async (request: FastifyRequest): Promise<Job> => {
		const { id } = request.params as { id: string };
		const found = await queue.get(ownerOf(request), id);
		if (found === undefined) throw noJob(id);
		return found;
	};

	/** One that was added before is neither refused nor charged again. @param charge - what it gives takes back what it took */
	const addOnce = async (toAdd: NewJob, charge: () => Promise<() => void>): Promise<Added> => {
		const { owner, request, key } = toAdd;
		const known = key === undefined ? undefined : await queue.find(owner, request, key);
		if (known !== undefined) return { job: known, isNew: false };
		const takeBack = await charge();
		try {
			const added = await queue.add(toAdd);
			if (!added.isNew) takeBack();
			return added;
		} catch (error) {
			takeBack();
			throw error;
		}
	};

	server.post('/v1/jobs', {
		bodyLimit: limits.bodyBytes,
		schema: {
			summary: 'Add a job',
			description:
				'The body is that of `POST /v1/portraits`. With the header `Idempotency-Key` a job is added once, however often the request is sent.',
			operationId: 'createJob',
			consumes: ['application/json', 'multipart/form-data'],
			headers: idempotencyKey,
			body: jobBody,
			response: {
				200: { description: 'It was added before, with the same key.', ...job },
				202: { description: 'It is kept, and waits.', ...job },
				...usualFailures,
			},
		},
		preValidation: readBody(portraitPhotos, limits.bodyBytes),
		handler: async (request, reply) => {
			const asked = portraitRequest(request);
			const { priority = 0, preview: _, ...fields } = asked.fields as { priority?: number; preview?: unknown };
			const { images } = await costOf(asked, imageSize(), limits);
			const key = request.headers['idempotency-key'] as string | undefined;
			const toAdd = { owner: ownerOf(request), request: { ...asked, fields }, priority, images, key };
			const charge = async () => {
				const { queued } = await queue.counts();
				if (queued >= most) throw busy(most);
				return await service.charge(request, images);
			};
			const { job: kept, isNew } = await addOnce(toAdd, charge).catch((error: unknown) => {
				throw otherRequest(error);
			});
			reply.code(isNew ? 202 : 200).header('location', addressOf(request, kept.id));
			return shown(request, kept);
		},
	});

	server.get('/v1/jobs', {
		schema: {
			...{ summary: 'Jobs of this client', operationId: 'listJobs', querystring: listQuery },
			response: { 200: { description: 'A page of them.', ...jobList }, ...reading },
		},
		handler: async (request) => {
			const { limit = 20, state, after } = request.query as Partial<JobFilter>;
			const found = await queue.list(ownerOf(request), { limit: limit + 1, state, after });
			const jobs = found.slice(0, limit).map((one) => shown(request, one));
			return { jobs, ...(found.length > limit && { next: jobs.at(-1)!.id }) };
		},
	});

	server.get('/v1/jobs/:id', {
		schema: {
			...{ summary: 'A job', operationId: 'getJob', params: idParams },
			response: { 200: { description: 'The job.', ...job }, ...reading },
		},
		handler: async (request) => shown(request, await find(request)),
	});

	server.delete('/v1/jobs/:id', {
		schema: {
			...{ summary: 'Stop a job, and remove it with its images', operationId: 'deleteJob', params: idParams },
			response: { 204: { type: 'null', description: 'It is gone.' }, ...reading },
		},
		handler: async (request, reply) => {
			const { id } = request.params as { id: string };
			if (!(await queue.remove(ownerOf(request), id))) throw noJob(id);
			return reply.code(204).send();
		},
	});

	server.get('/v1/jobs/:id/images/:name', {
		schema: {
			...{ summary: 'The file of an image', operationId: 'getJobImage', params: fileParams },
			response: {
				200: { description: 'The file.', content: { 'image/*': { schema: { type: 'string' } } } },
				...reading,
			},
		},
		handler: async (request, reply) => {
			const { images } = await find(request);
			const { id, name } = request.params as { id: string; name: string };
			const image = images.find((one) => one.name === name);
			const file = image && (await results.get(id, name));
			if (file === undefined) throw new ServerError('NOT_FOUND', 'The job has no such image.');
			afterAnswer(reply, (hasLeft) => {
				if (hasLeft) file.stream.destroy();
			});
			const headers = {
				'content-type': image!.mediaType,
				'content-length': file.bytes,
				'cache-control': 'private, no-cache',
			};
			return reply.headers({ ...headers, 'content-disposition': `attachment; filename="${name}"` }).send(file.stream);
		},
	});

	server.get('/v1/jobs/:id/events', {
		schema: {
			...{ summary: 'A job, whenever it changes', operationId: 'watchJob', params: idParams },
			description: 'Events `job`, each with the whole job, until it has ended or was removed (`removed`).',
			response: {
				200: { description: 'The events.', content: { 'text/event-stream': { schema: {} } } },
				...reading,
			},
		},
		handler: async (request, reply) => {
			const { id } = await find(request);
			const events = new Events();
			const signal = AbortSignal.any([leavingOf(reply), service.ending]);
			const tell = async () => {
				let last: Job | undefined;
				for await (const one of queue.watch(ownerOf(request), id, signal)) {
					last = one;
					// Each has all: a slow reader misses nothing but states between.
					events.send('job', shown(request, one), one.finishedAt !== undefined);
				}
				if (last?.finishedAt === undefined && !signal.aborted) events.send('removed', { id });
			};
			void tell()
				.catch((error: unknown) => events.send('problem', problemFor(error, request).problem))
				.finally(() => events.end());
			return reply.header('content-type', 'text/event-stream').header('x-accel-buffering', 'no').send(events.stream);
		},
	});
}

function ownerOf({ client }: FastifyRequest): string {
	if (client === undefined) throw new Error('The route is not guarded.');
	return client.name;
}

function noJob(id: string): ServerError {
	return new ServerError('NOT_FOUND', `There is no job ${JSON.stringify(id.slice(0, 100))} of this client.`);
}

/** A key that was used before is told as it is of other routes. */
function otherRequest(error: unknown): unknown {
	if (!(error instanceof Arc2FaceError && error.details.option === keyOption)) return error;
	return new ServerError('UNPROCESSABLE', error.problem, {
		...(error.remedy && { remedy: error.remedy }),
		cause: error,
	});
}

function busy(most: number): ServerError {
	return new ServerError('BUSY', `There are ${most} jobs waiting, as many as the server takes on.`, {
		headers: { 'retry-after': '60' },
	});
}
