// What routes share.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Size } from '../geometry.ts';
import type { Perform } from '../jobs/request.ts';
import type { Limits } from './limits.ts';
import type { Painter } from './painter.ts';

/** What a request is about to take. */
export type Cost = Readonly<{
	/** That are painted. */
	images: number;
	/** Of all these images, and of the photos that they are painted from. */
	pixels: number;
}>;

/** Work that was let in. */
export type Work = Readonly<{
	/** Aborts when the client leaves, time is over or the server ends, with what there is to answer. */
	signal: AbortSignal;
	/** Counts an image. */
	painted(): void;
	/** Notes how long a part of it took. */
	spent(phase: 'waiting' | 'painting' | 'reading', seconds: number): void;
	/** It has ended, however. */
	leave(): void;
}>;

/** Lets work in, or throws a ServerError. */
export type Admit = (request: FastifyRequest, reply: FastifyReply, cost: Cost) => Promise<Work>;

/** What routes share. */
export type Service = Readonly<{
	limits: Limits;
	/** Of images that are asked for without one. */
	imageSize: () => Size;
	/** Counts images that are painted later against the client's day; what it gives takes them back. @throws {ServerError} `QUOTA_EXCEEDED` */
	charge: (request: FastifyRequest, images: number) => Promise<() => void>;
	/** Aborts when the server begins to end. */
	ending: AbortSignal;
	/** @throws {ServerError} `UNAVAILABLE` while there is none */
	painter: () => Painter;
	/** @throws {ServerError} `UNAVAILABLE` */
	perform: Perform;
	admit: Admit;
}>;
