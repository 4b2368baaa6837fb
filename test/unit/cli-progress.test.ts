// The progress of long work, on a terminal and elsewhere.
import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { Progress } from '../../lib/cli/progress.ts';

const terminal = { isTTY: true, columns: 200, cursorTo() {}, clearLine() {}, moveCursor() {} };

/** What was written to a stream, with or without a terminal. */
function recorded(terminal: object = {}) {
	const stream = Object.assign(new PassThrough(), terminal) as unknown as NodeJS.WriteStream;
	let text = '';
	stream.on('data', (chunk) => {
		text += chunk;
	});
	return { stream, text: () => text };
}

test('elsewhere than on a terminal, each piece of work is one line', async () => {
	const { stream, text } = recorded();
	const progress = new Progress(stream, false);
	for (const done of [0, 50, 100]) progress.show('downloading a', { done, total: 100, unit: 'bytes' });
	progress.show('downloading b', { done: 0, total: undefined, unit: 'bytes' });
	progress.end();
	await new Promise(setImmediate);
	expect(text()).toBe('downloading a\ndownloading b\n');
});

test('elsewhere than on a terminal, work that goes on after something else was told is not named again', async () => {
	const { stream, text } = recorded();
	const progress = new Progress(stream, false);
	for (const done of [1, 2, 3]) {
		progress.show('looking at the photos', { done, total: 3, unit: 'images' });
		progress.end();
	}
	progress.show('looking at the photos', { done: 1, total: 3, unit: 'images' });
	await new Promise(setImmediate);
	expect(text()).toBe('looking at the photos: 3 images\nlooking at the photos: 3 images\n');
});

test('elsewhere than on a terminal, long work tells every ten seconds how far it is', async () => {
	vi.useFakeTimers();
	const { stream, text } = recorded();
	try {
		const progress = new Progress(stream, false);
		for (let step = 1; step <= 6; step++) {
			progress.show('anna.jpg', { done: step, total: 25, unit: 'steps' });
			vi.advanceTimersByTime(4_000);
		}
		for (const done of [0, 2_000_000]) {
			progress.show('weights', { done, total: 3_000_000, unit: 'bytes' });
			vi.advanceTimersByTime(10_000);
		}
		progress.show('weights', { done: 2_500_000, total: undefined, unit: 'bytes' });
	} finally {
		vi.useRealTimers();
	}
	await new Promise(setImmediate);
	expect(text().trim().split('\n')).toEqual([
		'anna.jpg: 25 steps',
		'anna.jpg: step 4 of 25',
		'weights',
		'weights: 2.0 MB of 3.0 MB',
		'weights: 2.5 MB',
	]);
});

test('what is counted for hours is told with its rate and the time left', async () => {
	vi.useFakeTimers();
	const { stream, text } = recorded();
	try {
		const progress = new Progress(stream, false);
		// As a run that is continued: what was there before is no rate.
		for (const done of [100, 150, 210]) {
			progress.show('painting', { done, total: 500_000, unit: 'images' });
			vi.advanceTimersByTime(12_000);
		}
		for (const done of [0, 1, 2]) {
			progress.show('checking', { done, total: 3, unit: 'shards' });
			vi.advanceTimersByTime(90_000);
		}
	} finally {
		vi.useRealTimers();
	}
	await new Promise(setImmediate);
	expect(text().trim().split('\n')).toEqual([
		'painting: 500000 images',
		'painting: 150 of 500000 (4.2 a second, 33 h 19 min left)',
		'painting: 210 of 500000 (4.6 a second, 30 h 17 min left)',
		'checking: 3 shards',
		'checking: 1 of 3 (40 an hour, 3 min left)',
		'checking: 2 of 3 (40 an hour, 2 min left)',
	]);
});

test('on a terminal the time left is told once it is known, and does not rise while the work goes on evenly', async () => {
	vi.useFakeTimers();
	const { stream, text } = recorded(terminal);
	try {
		const progress = new Progress(stream, true);
		for (let step = 1; step <= 25; step++) {
			progress.show('anna.jpg', { done: step, total: 25, unit: 'steps' });
			vi.advanceTimersByTime(3_000);
		}
		progress.end();
	} finally {
		vi.useRealTimers();
	}
	await new Promise(setImmediate);
	const bars = text().match(/\d+\/25[^[]*/g)!;
	expect(bars[0]).not.toContain('left');
	expect(bars.at(-1)).not.toContain('left');
	expect(text()).not.toMatch(/NULL|LLs|INF|NFs|NaN/);
	const left = [...text().matchAll(/\((?:(\d+) min|(\d+) s) left\)/g)].map(
		([, minutes, seconds]) => Number(minutes ?? 0) * 60 + Number(seconds ?? 0),
	);
	expect(left.length).toBeGreaterThan(15);
	for (const [i, seconds] of left.entries()) expect(seconds).toBeLessThanOrEqual((left[i - 1] ?? Infinity) + 1);
});

test('networks differ in length, so nobody is told how long they take', async () => {
	vi.useFakeTimers();
	const { stream, text } = recorded(terminal);
	try {
		const progress = new Progress(stream, true);
		for (const done of [1, 2, 3]) {
			progress.show('loading the model', { done, total: 5, unit: 'networks' });
			vi.advanceTimersByTime(3_000);
		}
		progress.end();
	} finally {
		vi.useRealTimers();
	}
	await new Promise(setImmediate);
	expect(text()).toContain('3/5');
	expect(text()).not.toContain('left');
});

test('work that nobody knows the length of is told in percents', async () => {
	for (const isLively of [true, false]) {
		vi.useFakeTimers();
		const { stream, text } = recorded(isLively ? terminal : {});
		try {
			const progress = new Progress(stream, isLively);
			progress.show('building', { done: 0, total: 100, unit: 'percent' });
			vi.advanceTimersByTime(10_000);
			progress.show('building', { done: 42, total: 100, unit: 'percent' });
			progress.end();
		} finally {
			vi.useRealTimers();
		}
		await new Promise(setImmediate);
		expect(text()).toContain('42 %');
		expect(text()).not.toContain('left');
	}
});

test('on a terminal a bar counts in bytes, and a photo may be called anything', async () => {
	const { stream, text } = recorded(terminal);
	const progress = new Progress(stream, true);
	progress.show('{bar}.jpg', { done: 1_500_000, total: 3_000_000, unit: 'bytes' });
	progress.end();
	await new Promise(setImmediate);
	expect(text()).toContain('{bar}.jpg [');
	expect(text()).toContain('1.5 MB/3.0 MB');
});
