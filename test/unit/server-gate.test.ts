// The gate of the server: room for images and bytes, requests a minute, images a day, and the memory that is left.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { anonymous, type Client } from '../../lib/server/clients/client.ts';
import { Admission } from '../../lib/server/gate/admission.ts';
import { Gate } from '../../lib/server/gate/gate.ts';
import { availableBytes } from '../../lib/server/gate/memory.ts';

const gigabyte = 2 ** 30;
const refusal = async (work: () => unknown) => {
	try {
		await work();
	} catch (error) {
		const { code, headers } = error as { code: string; headers: Record<string, string> };
		return { code, wait: Number(headers['retry-after']) };
	}
	throw new Error('It was let in.');
};

describe('room', () => {
	const limits = { imagesInFlight: 4, memoryBytes: 1000, spareBytes: 100 };
	const nothing = { images: 0, pixels: 0, bytes: 0 };
	const admission = (available = () => gigabyte, now?: () => number) =>
		new Admission(limits, { available, ...(now && { now }) });

	test('for images ends with the last, and comes back once for each that leaves', async () => {
		const room = admission();
		const leave = room.enter({ ...nothing, images: 3 });
		room.enter({ ...nothing, images: 1 });
		expect(await refusal(() => room.enter({ ...nothing, images: 1 }))).toMatchObject({ code: 'BUSY' });
		leave();
		leave();
		expect(room.images).toBe(1);
		room.enter({ ...nothing, images: 3 });
		expect(await refusal(() => room.enter({ ...nothing, images: 1 }))).toMatchObject({ code: 'BUSY' });
	});

	test('for bytes counts those of pixels, too', async () => {
		const room = admission();
		const leave = room.enter({ images: 0, pixels: 100, bytes: 200 });
		expect(room.bytes).toBe(1000);
		expect(await refusal(() => room.enter({ ...nothing, bytes: 1 }))).toMatchObject({ code: 'BUSY' });
		leave();
		expect(room.bytes).toBe(0);
	});

	test('that never is there is another refusal', async () => {
		const room = admission();
		expect(await refusal(() => room.enter({ ...nothing, images: 5 }))).toMatchObject({ code: 'TOO_LARGE' });
		expect(await refusal(() => room.enter({ ...nothing, bytes: 1001 }))).toMatchObject({ code: 'TOO_LARGE' });
	});

	test('ends where the machine is short of memory', async () => {
		let free = 601;
		const room = admission(() => free);
		room.enter({ ...nothing, bytes: 500 });
		free = 101;
		expect(await refusal(() => room.enter({ ...nothing, bytes: 2 }))).toMatchObject({ code: 'BUSY' });
		expect(room.bytes).toBe(500);
	});

	test('comes back after as long as the last images took', async () => {
		let now = 0;
		const room = admission(undefined, () => now);
		for (let i = 0; i < 5; i++) {
			const leave = room.enter({ ...nothing, images: 2 });
			now += 6000;
			leave(2);
		}
		room.enter({ ...nothing, images: 4 });
		// Two in 6 s: three are there after 9.
		expect(await refusal(() => room.enter({ ...nothing, images: 3 }))).toEqual({ code: 'BUSY', wait: 9 });
	});
});

describe('a client', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());
	const anna: Client = { name: 'anna', limits: { requestsPerMinute: 2, imagesPerDay: 10 } };
	const at = (client: Client, address = '10.0.0.1') => ({ client, address });
	const gate = (limits = {}) => new Gate(limits, () => 8 * gigabyte);
	const images = (count: number) => ({ images: count, pixels: 0, bytes: 0 });

	test('has as many requests a minute as it may, told by headers', async () => {
		const doors = gate();
		expect(await doors.count(at(anna))).toEqual({
			...{ 'ratelimit-limit': '2', 'ratelimit-remaining': '1', 'ratelimit-reset': '60' },
		});
		await doors.count(at(anna));
		expect(await refusal(() => doors.count(at(anna)))).toEqual({ code: 'RATE_LIMITED', wait: 60 });
		expect(await doors.count(at({ name: 'ben', limits: {} }))).toEqual({});
		vi.advanceTimersByTime(60_000);
		await doors.count(at(anna));
	});

	test('without a name is counted by address, by the limits of the server', async () => {
		const doors = gate({ requestsPerMinute: 1 });
		await doors.count(at(anonymous));
		expect(await refusal(() => doors.count(at(anonymous)))).toMatchObject({ code: 'RATE_LIMITED' });
		await doors.count(at(anonymous, '10.0.0.2'));
	});

	test('has as many images a day as it may; those that were not painted do not count', async () => {
		const doors = gate();
		const place = await doors.enter(at(anna), images(8));
		expect(await refusal(() => doors.enter(at(anna), images(3)))).toEqual({ code: 'QUOTA_EXCEEDED', wait: 86_400 });
		expect(doors.images).toBe(8);
		place.leave(1);
		place.leave(1);
		expect(doors.images).toBe(0);
		await doors.enter(at(anna), images(9));
		expect(await refusal(() => doors.enter(at(anna), images(1)))).toMatchObject({ code: 'QUOTA_EXCEEDED' });
		vi.advanceTimersByTime(86_400_000);
		await doors.enter(at(anna), images(10));
	});

	test('with no images a day may only look', async () => {
		const doors = gate();
		const watcher = at({ name: 'prometheus', limits: { imagesPerDay: 0 } });
		await doors.count(watcher);
		for (const many of [0, 1]) {
			expect(await refusal(() => doors.enter(watcher, images(many)))).toMatchObject({ code: 'FORBIDDEN' });
		}
	});

	test('whose limit changes keeps what it has used', async () => {
		const doors = gate();
		await doors.enter(at(anna), images(8));
		const more = at({ name: 'anna', limits: { imagesPerDay: 12 } });
		await doors.enter(more, images(4));
		expect(await refusal(() => doors.enter(more, images(1)))).toMatchObject({ code: 'QUOTA_EXCEEDED' });
	});
});

test.each([{ imagesInFlight: 0 }, { memoryBytes: -1 }, { paintingSeconds: Number.NaN }, { imagesInflight: 4 }])(
	'limits of %j are refused',
	(limits) => {
		expect(() => new Gate(limits as never, () => gigabyte)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
		);
	},
);

describe('memory that is available', () => {
	const machine = { '/proc/meminfo': 'MemTotal: 9000 kB\nMemAvailable:   8000 kB\n' };
	const group = (name: string, max: string, current: number, files = 0) => ({
		[`/sys/fs/cgroup${name}/memory.max`]: `${max}\n`,
		[`/sys/fs/cgroup${name}/memory.current`]: `${current}\n`,
		[`/sys/fs/cgroup${name}/memory.stat`]: `anon 5\ninactive_file ${files}\nactive_file 10\n`,
	});
	const read = (files: Record<string, string>) => availableBytes((file) => files[file]);

	test('is that of the machine where no group has a limit', () => {
		expect(read(machine)).toBe(8_192_000);
		expect(read({ ...machine, '/proc/self/cgroup': '0::/app\n', ...group('/app', 'max', 5) })).toBe(8_192_000);
	});

	test('is that of the tightest group around the process, with pages of files', () => {
		const inside = { ...machine, '/proc/self/cgroup': '1:name=x:/\n0::/pod/app\n' };
		expect(read({ ...inside, ...group('/pod/app', '5000', 1000, 200), ...group('/pod', '100000', 1) })).toBe(4210);
		expect(read({ ...inside, ...group('/pod/app', '5000', 1000), ...group('/pod', '3000', 2500) })).toBe(510);
		expect(read({ ...inside, ...group('/pod/app', '5000', 9000) })).toBe(0);
	});

	test('of this machine is a number', () => {
		expect(availableBytes()).toBeGreaterThan(2 ** 20);
	});
});
