// Servers and workers that are killed: every job is done once, and its files are whole. ARC2FACE_TEST_KILLS says how often, ARC2FACE_TEST_JOBS how many jobs.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { killAndSee, type Seen } from '../../benchmarks/serve/kills.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { noRedis, TestRedis } from '../redis.ts';

const jobs = Number(process.env.ARC2FACE_TEST_JOBS ?? 24);
const kills = Number(process.env.ARC2FACE_TEST_KILLS ?? 3);
const folder = temporaryFolder();
const photo = await readFile(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'));
const limit = 240_000 + 1_500 * jobs + 10_000 * kills;

const expected = (seen: Seen) => {
	console.log(JSON.stringify(seen));
	expect(seen).toMatchObject({
		ids: jobs,
		done: jobs,
		failed: 0,
		changed: 0,
		broken: 0,
		images: jobs + Math.floor(jobs / 2),
	});
};

test(
	`${jobs} jobs in a file, ${kills} kills`,
	async () => {
		expected(await killAndSee({ folder: folder.path('file'), jobs, kills, photo, tell: console.log }));
	},
	limit,
);

test.skipIf(noRedis !== undefined)(
	`${jobs} jobs in Redis, ${kills} kills, and Redis itself once${noRedis === undefined ? '' : ` (left out: ${noRedis})`}`,
	async () => {
		await mkdir(folder.path('kept'));
		const redis = await TestRedis.start(folder.path('kept'));
		try {
			expected(await killAndSee({ folder: folder.path('redis'), jobs, kills, photo, redis, tell: console.log }));
		} finally {
			await redis.kill();
		}
	},
	limit,
);
