// Who of several does what: the one with the least to do; and what becomes of the work of one that is lost.
import { describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { Arc2FacePool } from '../../lib/index.ts';
import { Turns } from '../../lib/pool/turns.ts';

type Task = {
	worker: string;
	done: () => void;
	finish: () => void;
	fail: (error: Error) => void;
	result: Promise<string>;
};

/** Work that lasts until it is told to end; each try of it is a task. */
function office(workers: readonly string[]) {
	const turns = new Turns(workers);
	const tasks: Task[] = [];
	const begin = (size = 1) => {
		const result = turns.give(
			size,
			(worker, done) =>
				new Promise<string>((resolve, reject) => {
					tasks.push({ worker, done, finish: () => resolve(worker), fail: reject, result: Promise.resolve('') });
				}),
		);
		tasks.at(-1)!.result = result;
		return tasks.at(-1)!;
	};
	return { begin, tasks };
}

const lost = () => new Arc2FaceError('DEVICE_LOST', 'The GPU cuda:0 was lost.');

describe('work', () => {
	test('goes to who has the fewest images to do, and among equals to the first', () => {
		const { begin } = office(['a', 'b', 'c']);
		expect([1, 1, 1, 1].map((size) => begin(size).worker)).toEqual(['a', 'b', 'c', 'a']);
		const two = office(['a', 'b']);
		expect([5, 2, 2, 1, 1].map((size) => two.begin(size).worker)).toEqual(['a', 'b', 'b', 'b', 'a']);
	});

	test('counts less with each image that is handed out, and no more at its end', async () => {
		const { begin } = office(['a', 'b']);
		const large = begin(4);
		const other = begin(2);
		expect([large.worker, other.worker]).toEqual(['a', 'b']);
		for (let image = 0; image < 3; image++) large.done();
		expect(begin(1).worker).toBe('a');
		other.fail(new Error('stopped'));
		await expect(other.result).rejects.toThrow('stopped');
		expect(begin(2).worker).toBe('b');
		large.done();
		large.finish();
		expect(await large.result).toBe('a');
		expect(begin(1).worker).toBe('a');
	});

	test('of one that is lost is done by another, which gets all that follows', async () => {
		const { begin, tasks } = office(['a', 'b']);
		const first = begin(3);
		first.fail(lost());
		await expect.poll(() => tasks.length).toBe(2);
		expect(tasks[1]!.worker).toBe('b');
		tasks[1]!.finish();
		expect(await first.result).toBe('b');
		expect([begin(9).worker, begin(1).worker]).toEqual(['b', 'b']);
	});

	test('of which something was handed out fails with who does it, as does what fails in another way', async () => {
		const { begin, tasks } = office(['a', 'b']);
		const begun = begin(3);
		begun.done();
		begun.fail(lost());
		await expect(begun.result).rejects.toMatchObject({ code: 'DEVICE_LOST' });
		const failing = begin();
		expect(failing.worker).toBe('b');
		failing.fail(new Arc2FaceError('ENGINE_FAILED', 'It failed.'));
		await expect(failing.result).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
		expect(begin().worker).toBe('b');
		expect(tasks).toHaveLength(3);
	});

	test('fails when all are lost, and so does all that follows', async () => {
		const { begin, tasks } = office(['a', 'b']);
		const work = begin();
		work.fail(lost());
		await expect.poll(() => tasks.length).toBe(2);
		tasks[1]!.fail(lost());
		await expect(work.result).rejects.toMatchObject({ code: 'DEVICE_LOST' });
		const late = begin();
		late.fail(lost());
		await expect(late.result).rejects.toMatchObject({ code: 'DEVICE_LOST' });
		expect(tasks).toHaveLength(3);
	});
});

describe('a pool', () => {
	test.for<[string, object, RegExp]>([
		['no devices', { devices: [] }, /all, or a list of devices for `devices`/],
		['an unknown one', { devices: ['cpu', 'tpu'] }, /cuda:N for `device` but received "tpu"/],
		['one device', { device: 'cpu' }, /devices, a list for `device`/],
		['an unknown option', { devices: ['cpu'], color: 1 }, /color/],
	])('refuses %s before anything is loaded', async ([, options, message]) => {
		const error: unknown = await Arc2FacePool.load(options).catch((reason: unknown) => reason);
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
		expect(String(error)).toMatch(message);
	});

	test('is loaded, not constructed', () => {
		expect(() => new (Arc2FacePool as unknown as new () => unknown)()).toThrow(/await Arc2FacePool\.load/);
	});
});
