// Connections on which no request comes about.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { portraitApp } from '../../lib/server/app.ts';
import { refuseConnection } from '../../lib/server/connections.ts';
import { Reception } from '../../lib/server/reception.ts';

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
	for (const close of closing.splice(0)) await close();
});

/** What comes back on a connection of this port until it ends; the second part is sent after something came back. */
async function told(port: number, first = '', second = ''): Promise<string> {
	const socket = connect(port);
	let text = '';
	socket.setEncoding('utf8').on('data', (chunk) => {
		text += chunk;
	});
	socket.write(first);
	if (second !== '') socket.once('data', () => socket.write(second));
	await once(socket, 'close');
	return text;
}

function problemOf(answer: string) {
	const [head = '', body = ''] = answer.split('\r\n\r\n');
	expect(head).toContain('Content-Type: application/problem+json\r\n');
	expect(head).toContain('Connection: close');
	const { status, code, type } = JSON.parse(body);
	expect(head).toContain(`HTTP/1.1 ${status} `);
	return { status, code, type };
}

async function listening(): Promise<number> {
	const reception = await Reception.open();
	const app = await portraitApp({ reception });
	closing.push(
		() => app.close(),
		() => reception.close(),
	);
	await app.listen({ port: 0 });
	return (app.server.address() as AddressInfo).port;
}

test.each([
	['what is not HTTP', 'HELO example.org\r\n\r\n', 400, 'INVALID_ARGUMENT'],
	['headers without end', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
])('%s is answered with a problem', async (_, sent, status, code) => {
	const answer = problemOf(await told(await listening(), sent));
	expect(answer).toMatchObject({ status, code });
	expect(answer.type).toMatch(new RegExp(`errors\\.md#${code.toLowerCase()}$`));
});

test('after an answer, the connection just ends', async () => {
	const answers = await told(await listening(), 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n', 'HELO example.org\r\n\r\n');
	expect(answers).toMatch(/^HTTP\/1\.1 200 /);
	expect(answers).not.toContain('problem+json');
});

test.each([
	['ERR_HTTP_REQUEST_TIMEOUT', /^HTTP\/1\.1 408 [\s\S]*"code":"TIMEOUT"/],
	['ECONNRESET', /^$/],
])('%s', async (code, answer) => {
	const server = createServer((socket: Socket) =>
		refuseConnection(Object.assign(new Error('failed'), { code }), socket),
	);
	closing.push(() => server.close());
	server.listen(0);
	await once(server, 'listening');
	expect(await told((server.address() as AddressInfo).port)).toMatch(answer);
});
