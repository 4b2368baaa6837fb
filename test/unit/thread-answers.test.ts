// What threads answer, and how waiting for it ends otherwise.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { answerOf } from '../../lib/threads/answer.ts';

type Options = Partial<{ signal: AbortSignal; read: (message: number) => string | undefined }>;

/** @param code - of the thread, beside `parentPort` */
async function ask(code: string, { signal, read = String }: Options = {}) {
	const ended: number[] = [];
	const start = () => {
		const worker = new Worker(`const { parentPort } = require('node:worker_threads'); ${code}`, {
			...{ eval: true, execArgv: [] },
		});
		worker.on('exit', (exit) => ended.push(exit));
		return worker;
	};
	const outcome: { answer?: string; error?: string } = await answerOf(start, { signal, read }).then(
		(answer) => ({ answer }),
		(error: Error) => ({ error: error.message }),
	);
	return { ...outcome, ended };
}

const forever = 'setInterval(() => {}, 1e6);';

test('is the first message that has one, and ends the thread', async () => {
	const read = (message: number) => (message < 3 ? undefined : `number ${message}`);
	const said = await ask(`${forever} for (const n of [1, 2, 3, 4]) parentPort.postMessage(n);`, { read });
	expect(said.answer).toBe('number 3');
	await expect.poll(() => said.ended).toHaveLength(1);
});

test.each([
	['throws', "throw new Error('broken')", 'broken'],
	['ends', '', 'A thread ended without an answer.'],
])('of a thread that %s is its failure', async (_, code, error) => {
	const said = await ask(code);
	expect(said.error).toBe(error);
	await expect.poll(() => said.ended).toHaveLength(1);
});

test('of a thread that is stopped is the reason', async () => {
	const stop = new AbortController();
	const read = () => {
		stop.abort(new Error('enough'));
		return undefined;
	};
	const said = await ask(`${forever} parentPort.postMessage(1);`, { signal: stop.signal, read });
	expect(said.error).toBe('enough');
	await expect.poll(() => said.ended).toHaveLength(1);
});

test('of a message that is refused is why, and ends the thread', async () => {
	const read = (): never => {
		throw new Error('not a number');
	};
	const said = await ask(`${forever} parentPort.postMessage(1);`, { read });
	expect(said.error).toBe('not a number');
	await expect.poll(() => said.ended).toHaveLength(1);
});

test('is not asked for once it is stopped', async () => {
	const said = await ask('parentPort.postMessage(1);', { signal: AbortSignal.abort(new Error('enough')) });
	expect(said).toEqual({ error: 'enough', ended: [] });
});
