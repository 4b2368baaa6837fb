// What is said and answered of jobs.
import { jobStates } from '../../jobs/job.ts';
import { imageProperties, portraitsBody } from './portraits.ts';
import { problem, type Schema } from './shared.ts';

/** The body: what portraits are asked for, and how soon. */
export const jobBody = {
	...portraitsBody,
	properties: {
		...portraitsBody.properties,
		priority: {
			...{ type: 'integer', minimum: 0, maximum: 100 },
			description: 'Of jobs that wait, the highest comes first (default 0).',
		},
	},
} as const satisfies Schema;

const { recipe, similarity, ...always } = imageProperties;

const image = {
	type: 'object',
	properties: {
		...{ ...always, similarity, recipe },
		bytes: { type: 'integer', description: 'Length of the file.' },
		sha256: { type: 'string', description: 'Of the file, in hexadecimal digits.' },
		url: { type: 'string', format: 'uri-reference', description: 'Of the file.' },
	},
	required: [...Object.keys(always), 'bytes', 'sha256', 'url'],
} as const;

const time = { type: 'string', format: 'date-time' } as const;
const count = { type: 'integer', minimum: 0 } as const;

export const job = {
	type: 'object',
	properties: {
		...{ id: { type: 'string' }, state: { enum: jobStates }, priority: count, attempts: count },
		...{ createdAt: time, startedAt: time, finishedAt: time },
		progress: {
			type: 'object',
			properties: { images: count, of: count, step: count, steps: count },
			required: ['images', 'of', 'step', 'steps'],
		},
		images: { type: 'array', items: image, description: 'Finished ones.' },
		problem: { ...problem, description: 'Why it failed.' },
	},
	required: ['id', 'state', 'priority', 'attempts', 'createdAt', 'progress', 'images'],
} as const satisfies Schema;

export const jobList = {
	type: 'object',
	properties: {
		jobs: { type: 'array', items: job, description: 'The newest first.' },
		next: { type: 'string', description: 'Pass it as `after` for the next page; absent on the last.' },
	},
	required: ['jobs'],
} as const satisfies Schema;

export const listQuery = {
	type: 'object',
	properties: {
		state: { enum: jobStates },
		limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
		after: { type: 'string', maxLength: 100, description: 'Id of a job: those that were added before it.' },
	},
	additionalProperties: false,
} as const satisfies Schema;

export const idParams = {
	type: 'object',
	properties: { id: { type: 'string', maxLength: 100 } },
	required: ['id'],
} as const satisfies Schema;

export const fileParams = {
	type: 'object',
	properties: { id: { type: 'string', maxLength: 100 }, name: { type: 'string', maxLength: 200 } },
	required: ['id', 'name'],
} as const satisfies Schema;
