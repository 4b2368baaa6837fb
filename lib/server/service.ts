// What routes share.
import type { FastifyRequest } from 'fastify';
import type { Perform } from '../jobs/request.ts';
import type { Limits } from './limits.ts';
import type { Painter } from './painter.ts';

/** What a request is about to take. */
export type Cost = Readonly<{
	/** That are painted. */
	images: number;
	/** Of all these images. */
	pixels: number;
}>;

/** Lets work in, or throws a ServerError; the function that it gives is called when the work has ended. */
export type Admit = (request: FastifyRequest, cost: Cost) => Promise<() => void>;

/** What routes share. */
export type Service = Readonly<{
	limits: Limits;
	/** @throws {ServerError} `UNAVAILABLE` while there is none */
	painter: () => Painter;
	/** @throws {ServerError} `UNAVAILABLE` */
	perform: Perform;
	admit: Admit;
}>;
