// The tables of a file of jobs, and jobs as rows.
import type { Row } from '../../database/connection.ts';
import type { Job, JobImage, JobState } from '../job.ts';
import type { JsonObject, PortraitRequest } from '../request.ts';

/** SQLite's application id of such a file: "A2FJ". */
export const mark = 0x41_32_46_4a;
export const version = 1;

/**
 * `lease`: the process that paints it; `until`: when that has to have said again that it lives, in milliseconds. `due`: not before. Request and
 * photos are there until a job has ended.
 */
export const tables = `
CREATE TABLE jobs (
	sequence INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	owner TEXT NOT NULL,
	key TEXT,
	digest TEXT NOT NULL,
	state TEXT NOT NULL,
	priority INTEGER NOT NULL,
	images INTEGER NOT NULL,
	created INTEGER NOT NULL,
	started INTEGER,
	finished INTEGER,
	attempts INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0,
	due INTEGER NOT NULL DEFAULT 0,
	lease TEXT,
	until INTEGER,
	progress TEXT,
	results TEXT NOT NULL DEFAULT '[]',
	problem TEXT,
	request TEXT
) STRICT;
CREATE UNIQUE INDEX keys ON jobs (owner, key) WHERE key IS NOT NULL;
CREATE INDEX waiting ON jobs (state, priority DESC, sequence);
CREATE INDEX owners ON jobs (owner, sequence);
CREATE TABLE photos (job TEXT NOT NULL, name TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (job, name)) STRICT;
PRAGMA application_id = ${mark};
PRAGMA user_version = ${version};
`;

/** Of a job as its client sees it: without what was sent, which may be large. */
export const columns =
	'id, state, priority, attempts, created, started, finished, progress, images, results, problem, digest';

export function jobOf(row: Row): Job {
	const time = (name: string, value: unknown) =>
		value === null ? {} : { [name]: new Date(Number(value)).toISOString() };
	return {
		...{
			id: String(row.id),
			state: row.state as JobState,
			priority: Number(row.priority),
			attempts: Number(row.attempts),
		},
		createdAt: new Date(Number(row.created)).toISOString(),
		...{ ...time('startedAt', row.started), ...time('finishedAt', row.finished) },
		progress: row.progress === null ? { images: 0, of: Number(row.images), step: 0, steps: 0 } : parse(row.progress),
		images: parse<JobImage[]>(row.results),
		...(row.problem === null ? {} : { problem: parse<JsonObject>(row.problem) }),
	};
}

export function requestOf(fields: unknown, photos: readonly Row[]): PortraitRequest {
	const files = photos.map(({ name, bytes }) => [String(name), new Uint8Array(bytes as ArrayBuffer)] as const);
	return { fields: parse(fields), files: Object.fromEntries(files) };
}

function parse<T>(text: unknown): T {
	return JSON.parse(String(text)) as T;
}
