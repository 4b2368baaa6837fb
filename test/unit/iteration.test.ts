// The iterator over what a call hands out: order, beginning, leaving, failures. Vitest fails where a rejection is not handled.
import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { iterate, type Work } from '../../lib/painting/iteration.ts';

/** Work that the test ends: gives when told, and fails with the signal's reason when stopped. */
function controlled() {
	const work = {
		begun: 0,
		give: (_: number): void => {},
		end: (_?: Error): void => {},
		signal: undefined as AbortSignal | undefined,
		/** When stopped, waits for `end`, as a network does for the end of its operator. */
		stopsLate: false,
	};
	const run: Work<number> = (give, signal) => {
		work.begun++;
		work.give = give;
		work.signal = signal;
		return new Promise<void>((resolve, reject) => {
			work.end = (error) => (error === undefined ? resolve() : reject(error));
			signal.addEventListener('abort', () => work.stopsLate || reject(signal.reason));
		});
	};
	return { work, run };
}
const start = (signal?: AbortSignal) => {
	const { work, run } = controlled();
	return { work, items: iterate(run, signal) };
};
const done = { done: true, value: undefined };
const item = (value: number) => ({ done: false, value });
const turn = () => new Promise(setImmediate);

test('gives in order what was given before it was asked for, and after', async () => {
	const { work, items } = start();
	const [first, second] = [items.next(), items.next()];
	for (const value of [1, 2, 3, 4]) work.give(value);
	expect(await Promise.all([first, second, items.next(), items.next()])).toEqual([1, 2, 3, 4].map(item));
	const last = items.next();
	work.end();
	expect(await last).toEqual(done);
	expect(await items.next()).toEqual(done);
});

test('keeps whatever is not asked for, and ends after it', async () => {
	const { work, items } = start();
	const first = items.next();
	for (let value = 0; value < 1000; value++) work.give(value);
	work.end();
	await first;
	const rest: number[] = [];
	for await (const value of items) rest.push(value);
	expect(rest).toEqual(Array.from({ length: 999 }, (_, i) => i + 1));
});

test('begins with the first next(), at once, and only then', async () => {
	const { work, items } = start();
	await turn();
	expect(work.begun).toBe(0);
	void items.next();
	expect(work.begun).toBe(1);
	void items.next();
	expect(work.begun).toBe(1);
	await items.return();
});

describe('a failure', () => {
	const fault = new Error('a fault on purpose');

	test('comes after what was given before, once', async () => {
		const { work, items } = start();
		const first = items.next();
		work.give(1);
		work.give(2);
		work.end(fault);
		await turn();
		expect(await first).toEqual(item(1));
		expect(await items.next()).toEqual(item(2));
		await expect(items.next()).rejects.toBe(fault);
		expect(await items.next()).toEqual(done);
	});

	test('comes to the first who waits', async () => {
		const { work, items } = start();
		const outcomes = Promise.allSettled([items.next(), items.next()]);
		work.end(fault);
		expect(await outcomes).toEqual([
			{ status: 'rejected', reason: fault },
			{ status: 'fulfilled', value: done },
		]);
	});

	test('before anything was given is the first thing to be heard', async () => {
		const items = iterate(() => Promise.reject(fault), undefined);
		await expect(items.next()).rejects.toBe(fault);
	});

	test('that nobody asks for is not heard of', async () => {
		const { work, items } = start();
		const first = items.next();
		work.give(1);
		await first;
		work.end(fault);
		await turn();
		await turn();
	});
});

describe('who leaves', () => {
	test('stops the work, and waits until it has stopped', async () => {
		const { work, items } = start();
		work.stopsLate = true;
		for await (const value of startSoon(items, () => work.give(1))) {
			expect(value).toBe(1);
			work.give(2);
			const left = vi.fn();
			void items.return().then(left);
			await turn();
			expect(work.signal?.aborted).toBe(true);
			expect(left).not.toHaveBeenCalled();
			work.give(3);
			work.end(new Error('late'));
			await turn();
			expect(left).toHaveBeenCalledWith(done);
			break;
		}
		expect(await items.next()).toEqual(done);
	});

	test('does not wait for the next item, nor does anybody else', async () => {
		const { items } = start();
		const pending = items.next();
		expect(await items.return()).toEqual(done);
		expect(await pending).toEqual(done);
	});

	test('before the beginning never begins', async () => {
		const { work, items } = start();
		await items.return();
		expect(await items.next()).toEqual(done);
		expect(work.begun).toBe(0);
	});

	test('by an exception gets it back', async () => {
		const { work, items } = start();
		void items.next();
		const fault = new Error('a fault of the consumer');
		await expect(items.throw(fault)).rejects.toBe(fault);
		expect(work.signal?.aborted).toBe(true);
	});

	test('at the end of a block', async () => {
		const { work, items } = start();
		{
			await using own = items;
			void own.next();
		}
		expect(work.signal?.aborted).toBe(true);
	});

	test('changes nothing once all was given', async () => {
		const { work, items } = start();
		const first = items.next();
		work.give(1);
		work.end();
		await first;
		await turn();
		expect(await items.return()).toEqual(done);
	});

	/** Asks for the first item, then lets it be given. */
	function startSoon<T>(items: AsyncGenerator<T>, give: () => void) {
		setImmediate(give);
		return items;
	}
});

describe('a signal', () => {
	const reason = new Error('changed my mind');

	test('that has aborted before: the work never begins', async () => {
		const { work, items } = start(AbortSignal.abort(reason));
		await expect(items.next()).rejects.toBe(reason);
		expect(work.begun).toBe(0);
	});

	test('stops the work with its reason, after what was given before', async () => {
		const controller = new AbortController();
		const { work, items } = start(controller.signal);
		const first = items.next();
		work.give(1);
		work.give(2);
		controller.abort(reason);
		expect(work.signal?.reason).toBe(reason);
		expect([await first, await items.next()]).toEqual([item(1), item(2)]);
		await expect(items.next()).rejects.toBe(reason);
	});

	test('is let go at the end, however it comes', async () => {
		for (const end of ['all given', 'failure', 'left'] as const) {
			const { signal } = new AbortController();
			const { work, items } = start(signal);
			const first = items.next();
			expect(getEventListeners(signal, 'abort')).toHaveLength(1);
			if (end === 'left') await items.return();
			else work.end(end === 'failure' ? reason : undefined);
			await first.catch(() => {});
			expect(getEventListeners(signal, 'abort'), end).toEqual([]);
		}
	});
});
