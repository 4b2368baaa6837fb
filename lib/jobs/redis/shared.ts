// What a queue in Redis lends to its workers.
import type { EventEmitter } from 'node:events';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobImage } from '../job.ts';
import type { Packages } from './connection.ts';
import type { Data, Kept } from './data.ts';

/** Where a worker finds what it needs. */
export type Shared = Readonly<{
	packages: Packages;
	client: Redis;
	names: { prefix: string; name: string };
	/** Events: the id of a job that has changed, and `removed` with that of one that was taken away. */
	changes: EventEmitter;
	keepMs: number;
	queue: Queue<Data, JobImage[]>;
	/** The key of what was sent with a job, until it has ended. */
	sentKey: (kept: Pick<Kept, 'id' | 'data'>) => string;
	tell: (id: string) => Promise<void>;
	isRemoved: (id: string) => Promise<boolean>;
	/** Takes away one that was asked to be, once nobody paints it any more. */
	drop: (kept: Kept) => Promise<void>;
}>;
