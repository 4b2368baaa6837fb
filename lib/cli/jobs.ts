// Where a server keeps jobs, on the command line, and who paints them.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import envPaths from 'env-paths';
import { Arc2FaceError } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import { type OpenedJobs, openJobs } from '../jobs/open.ts';
import type { JsonObject } from '../jobs/request.ts';
import { check, integer, number } from '../options/check.ts';
import { type OptionValues, UsageError } from './command.ts';

export const redisOptions = {
	redis: {
		type: 'string',
		value: 'URL',
		help: 'keep jobs in this Redis (redis:// or rediss://), for servers and workers',
	},
	results: {
		type: 'path',
		value: 'FOLDER',
		help: 'where images of jobs are; with --redis all servers and workers see it',
	},
	keepJobs: { type: 'number', value: 'DAYS', help: 'how long ended jobs and their images are kept (default: 7)' },
} as const;

export const jobOptions = {
	jobs: { type: 'path', value: 'FILE', help: "keep jobs in this file (default: jobs.db in the user's data folder)" },
	noJobs: { type: 'boolean', help: 'take no jobs' },
	...redisOptions,
	jobsWaiting: { type: 'number', value: 'N', help: 'jobs that wait; then it is busy (default: 10000)' },
} as const;

export const mostWaiting = 10_000;

type Told = Readonly<{ explain: (error: unknown) => JsonObject; onError: (error: unknown) => void }>;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` */
export function checkJobs(command: string, values: Partial<OptionValues<typeof jobOptions>>): void {
	const { keepJobs, jobsWaiting, jobs, noJobs, redis } = values;
	check(command, { keepJobs, jobsWaiting }, { keepJobs: number(0, 36_500), jobsWaiting: integer(1, 100_000_000) });
	if ([jobs !== undefined, noJobs, redis !== undefined].filter(Boolean).length > 1) {
		throw new UsageError('Expected one of --jobs, --no-jobs and --redis but received several.');
	}
}

/**
 * @returns undefined where none are taken
 * @throws {Arc2FaceError} as `openJobs` does
 */
export async function openedJobs(
	{ jobs, noJobs, redis, results, keepJobs }: Partial<OptionValues<typeof jobOptions>>,
	told: Told,
): Promise<OpenedJobs | undefined> {
	if (noJobs) return undefined;
	const how = { results, keepDays: keepJobs, ...told };
	if (redis !== undefined) {
		if (results === undefined) {
			throw new UsageError(
				'Expected --results with --redis, a folder that all servers and workers see, but received none.',
			);
		}
		return await openJobs({ redis, ...how });
	}
	if (jobs !== undefined) return await openJobs({ file: jobs, ...how });
	const file = join(envPaths('arc2face', { suffix: '' }).data, 'jobs.db');
	const folder = dirname(file);
	await onDisk('write', folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
	return await openJobs({ file, ...how }).catch((error: unknown) => {
		if (!(error instanceof Arc2FaceError)) throw error;
		throw error.with({
			remedy: `Choose another file with --jobs, or take no jobs with --no-jobs. ${error.remedy ?? ''}`.trim(),
		});
	});
}
