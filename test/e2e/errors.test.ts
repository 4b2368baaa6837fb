// Errors that cross threads.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

test('an error that is thrown in a worker arrives with its fields', async () => {
	const library = new URL('../../dist/lib/index.js', import.meta.url).href;
	const source = `
		import { Arc2Face } from ${JSON.stringify(library)};
		await Arc2Face.load({ bundle: '/no/such/folder' });`;
	const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
	const [error] = await once(worker, 'error');
	expect(error).toMatchObject({ code: 'INVALID_BUNDLE', problem: expect.stringContaining('/no/such/folder') });
	expect(error).toBeInstanceOf(Error);
});
