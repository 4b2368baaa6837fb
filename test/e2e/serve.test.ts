// `arc2face serve` as a user starts it: where it listens, what it refuses, keys that change, and how it ends.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package.ts';
import { useProgram } from '../program.ts';

const { current, start, run } = useProgram();
const photo = (await readFile(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'))).toString('base64');

/** Starts it on a free port, and waits until it listens. */
async function serve(args: readonly string[] = [], env?: Record<string, string>) {
	const served = start(['serve', '--bundle', 'tiny', '--port', '0', ...args], env);
	const told = async (pattern: RegExp) => {
		for (;;) {
			const found = pattern.exec(served.output.stderr);
			if (found !== null) return found;
			if (served.child.exitCode !== null) throw new Error(`It ended: ${served.output.stderr}`);
			await Promise.race([once(served.child.stderr, 'data'), once(served.child, 'close')]);
		}
	};
	const [, url = ''] = await told(/Listening on (http:\/\/[^\s"]+)/);
	return { ...served, url, told };
}
const paint = (url: string, body: object = {}, headers: Record<string, string> = {}) =>
	fetch(`${url}/v1/portraits`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', ...headers },
		body: JSON.stringify({ photo, steps: 2, ...body }),
	});
/** Reads until an event of that name. */
async function untilEvent(response: Response, name: string) {
	const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
	let text = '';
	while (!text.includes(`event: ${name}\n`)) {
		const { value, done } = await reader.read();
		if (done) throw new Error(`It ended before ${name}: ${text.slice(0, 500)}`);
		text += value;
	}
	return reader;
}
const streaming = { accept: 'text/event-stream' };

test('paints, tells figures, and ends when it is told to, with what is in progress finished', async () => {
	const { url, child, ended, told } = await serve();
	await told(/Ready/);
	expect((await fetch(`${url}/readyz`)).status).toBe(200);
	const painted = await paint(url);
	expect(painted.status).toBe(200);
	expect(await (await fetch(`${url}/metrics`)).text()).toContain('arc2face_images_total 1');

	const reader = await untilEvent(await paint(url, { steps: 400 }, streaming), 'step');
	child.kill('SIGTERM');
	await told(/Ending/);
	let rest = '';
	for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
	expect(rest).toContain('event: image');
	expect(rest).toContain('event: done');
	const { code, stdout, stderr } = await ended;
	expect([code, stdout]).toEqual([0, 'Ended.\n']);
	expect(stderr).toMatch(/POST \/v1\/portraits 200, 1 image, \d+ ms \(anonymous/);
	expect(stderr).not.toContain(photo.slice(0, 60));
}, 30_000);

test('stops what is in progress after the grace; the client is told', async () => {
	const { url, child, ended, told } = await serve(['--grace', '0', '--json']);
	await told(/Ready/);
	const reader = await untilEvent(await paint(url, { steps: 1000, count: 8 }, streaming), 'step');
	child.kill('SIGINT');
	let rest = '';
	for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
	expect(rest).toContain('"code":"UNAVAILABLE"');
	const { code, stdout, stderr } = await ended;
	expect([code, JSON.parse(stdout)]).toEqual([0, { address: url, finished: false }]);
	for (const line of stderr.trim().split('\n')) expect(JSON.parse(line), line).toHaveProperty('level');
}, 30_000);

test('ends at once when it is told twice', async () => {
	const { url, child, told } = await serve(['--grace', '600']);
	await told(/Ready/);
	await untilEvent(await paint(url, { steps: 1000, count: 64 }, streaming), 'step');
	const closed = once(child, 'close');
	child.kill('SIGTERM');
	await told(/Ending/);
	child.kill('SIGTERM');
	expect(await closed).toEqual([null, 'SIGTERM']);
}, 30_000);

test('lets in who has a key, as soon as the file has it', async () => {
	const keys = join(current.folder, 'server.keys');
	const key = async (name: string) => {
		const { stdout } = await run('keys', 'add', name, '--keys', keys, '--json');
		return (JSON.parse(stdout) as { key: string }).key;
	};
	const anna = await key('anna');
	const { url, child, ended, told } = await serve(['--keys', keys, '--host', '0.0.0.0']);
	const local = url.replace('0.0.0.0', '127.0.0.1');
	await told(/Ready/);
	const status = async (name: string) =>
		(await fetch(`${local}/v1/models`, { headers: { authorization: `Bearer ${name}` } })).status;
	expect([await status(anna), await status('no')]).toEqual([200, 401]);
	const ben = await key('ben');
	await told(/keys read again/);
	expect(await status(ben)).toBe(200);
	child.kill('SIGTERM');
	const { stderr } = await ended;
	for (const secret of [anna, ben]) expect(stderr).not.toContain(secret);
}, 30_000);

describe('refuses', () => {
	test.each([
		[['--host', '0.0.0.0'], '--no-keys'],
		[['--port', '70000'], '--port'],
		[['--keys', 'missing.keys'], 'missing.keys'],
		[['--allow-origin', '*'], '--allow-origin'],
		[['--images-in-flight', '0'], '--images-in-flight'],
		[['--features', 'smell'], '--features'],
		[['--consent', 'missing.ledger'], 'missing.ledger'],
	])('%j', async (args, word) => {
		const { code, stderr } = await run('serve', '--bundle', 'tiny', '--port', '0', ...args);
		expect(code).not.toBe(0);
		expect(stderr).toContain(word);
		expect(stderr).not.toContain('Listening');
	});

	test('a port that another program has', async () => {
		const other = createServer().listen(0, '127.0.0.1');
		await once(other, 'listening');
		const { port } = other.address() as AddressInfo;
		const { code, stderr } = await run('serve', '--bundle', 'tiny', '--port', String(port));
		other.close();
		expect([code, stderr]).toEqual([2, expect.stringContaining('Choose another with --port.')]);
	});
});
