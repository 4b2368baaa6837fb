// How many images are painted at a time.
import { expect, test } from 'vitest';
import { Room } from '../../lib/jobs/room.ts';

const never = new AbortController().signal;

/** Asks to enter, and notes in `order` when it did. */
function visitor(room: Room, order: string[]) {
	return (name: string, images: number, signal = never) =>
		room.enter(images, signal).then((leave) => {
			order.push(name);
			return leave;
		});
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('work enters in its order, as long as it fits', async () => {
	const order: string[] = [];
	const enter = visitor(new Room(4), order);
	const leaveA = await enter('a', 3);
	const [b, c] = [enter('b', 2), enter('c', 1)];
	await settled();
	expect(order, 'c would fit, but b came first').toEqual(['a']);
	leaveA();
	await Promise.all([b, c]);
	expect(order).toEqual(['a', 'b', 'c']);
});

test('each image that is finished makes room', async () => {
	const order: string[] = [];
	const enter = visitor(new Room(4), order);
	const leave = await enter('a', 4);
	const b = enter('b', 2);
	leave(1);
	await settled();
	expect(order).toEqual(['a']);
	leave(1);
	const leaveB = await b;
	leave();
	leave();
	const c = enter('c', 3);
	await settled();
	expect(order, 'what left twice took nothing of what b has').toEqual(['a', 'b']);
	leaveB();
	await c;
});

test('what is larger than the room enters alone', async () => {
	const order: string[] = [];
	const enter = visitor(new Room(4), order);
	const leave = await enter('a', 1);
	const [large, b] = [enter('large', 9), enter('b', 1)];
	await settled();
	expect(order).toEqual(['a']);
	leave();
	const leaveLarge = await large;
	await settled();
	expect(order).toEqual(['a', 'large']);
	leaveLarge(6);
	await b;
});

test('what gives up while it waits leaves its place to the next', async () => {
	const order: string[] = [];
	const enter = visitor(new Room(4), order);
	const leave = await enter('a', 3);
	const stop = new AbortController();
	const reason = new Error('left');
	const [b, c] = [enter('b', 2, stop.signal), enter('c', 1)];
	stop.abort(reason);
	await expect(b).rejects.toBe(reason);
	await c;
	expect(order).toEqual(['a', 'c']);
	leave();
	await expect(enter('d', 1, stop.signal)).rejects.toBe(reason);
	await enter('e', 3);
});

test('what is larger than its share leaves the rest to others', async () => {
	const order: string[] = [];
	const enter = visitor(new Room(4, 2), order);
	const leave = await enter('large', 9);
	await enter('b', 2);
	const c = enter('c', 1);
	leave(7);
	await settled();
	expect(order, 'two of nine are left').toEqual(['large', 'b']);
	leave(1);
	await c;
	expect(order).toEqual(['large', 'b', 'c']);
});
