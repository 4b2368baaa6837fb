// `pull` through proxies, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. Servers and proxies are the test's own; nothing leaves the machine.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useProgram } from '../program.ts';

const { start } = useProgram();
const unset = { https_proxy: '', http_proxy: '', no_proxy: '', HTTPS_PROXY: '', HTTP_PROXY: '', NO_PROXY: '' };
const pull = (env: Record<string, string>) => start(['pull', '--out', 'bundle'], { ...unset, ...env }).ended;

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done));

/** Serves small files; the first large one has the wrong size, which ends the pull. */
function answer(request: IncomingMessage, response: import('node:http').ServerResponse): void {
	response.end(request.url?.endsWith('.json') ? '{}' : 'not the weights');
}
const reachedTheEnd = /arc2face: Expected 334643276 bytes for https?:\/\/hub\.test/;

// Answers for names that no name server knows: whoever gets them has used the proxy.
let proxy: Server;
let asked: string[];
let credentials: Set<string | undefined>;
let tlsPort = 0;
let refusal: string | undefined;
beforeEach(async () => {
	[asked, credentials, refusal] = [[], new Set(), undefined];
	proxy = createServer((request, response) => {
		asked.push(`${request.method} ${request.url}`);
		credentials.add(request.headers['proxy-authorization']);
		answer(request, response);
	});
	proxy.on('connect', (request: IncomingMessage, client) => {
		asked.push(`CONNECT ${request.url}`);
		credentials.add(request.headers['proxy-authorization']);
		if (refusal !== undefined) return client.end(`HTTP/1.1 ${refusal}\r\n\r\n`);
		const upstream = connect(tlsPort, '127.0.0.1', () => {
			client.write('HTTP/1.1 200 Connection established\r\n\r\n');
			upstream.pipe(client).pipe(upstream);
		});
		for (const socket of [upstream, client]) socket.on('error', () => {});
		return upstream;
	});
	await listen(proxy);
});
afterEach(() => {
	proxy.closeAllConnections();
	proxy.close();
});

describe('http through HTTP_PROXY', () => {
	test.each(['HTTP_PROXY', 'http_proxy'])('%s', async (name) => {
		const { stderr } = await pull({ HF_ENDPOINT: 'http://hub.test', [name]: `http://127.0.0.1:${portOf(proxy)}` });
		expect(stderr).toMatch(reachedTheEnd);
		expect(asked[0]).toMatch(/^GET http:\/\/hub\.test\//);
	});

	test('may be written without its scheme, and with a password', async () => {
		const { stderr } = await pull({
			HF_ENDPOINT: 'http://hub.test',
			HTTP_PROXY: `anna:s%40crt@127.0.0.1:${portOf(proxy)}`,
		});
		expect(stderr).toMatch(reachedTheEnd);
		expect([...credentials]).toEqual([`Basic ${Buffer.from('anna:s@crt').toString('base64')}`]);
	});

	test('but for what NO_PROXY lists', async () => {
		const server = createServer(answer);
		await listen(server);
		const env = { HF_ENDPOINT: `http://127.0.0.1:${portOf(server)}`, HTTP_PROXY: `http://127.0.0.1:${portOf(proxy)}` };
		try {
			for (const list of ['127.0.0.1', 'example.org,127.0.0.1', '*']) {
				const { stderr } = await pull({ ...env, NO_PROXY: list });
				expect(stderr).toContain('arc2face: Expected 334643276 bytes');
				expect(asked).toEqual([]);
			}
			await pull({ ...env, NO_PROXY: 'example.org' });
			expect(asked.length).toBeGreaterThan(0);
		} finally {
			server.close();
		}
	});
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('https through a tunnel of HTTPS_PROXY (needs openssl for a certificate)', () => {
	let folder: string;
	let server: Server;
	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), 'arc2face-tls-'));
		const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
		const subject = ['-subj', '/CN=hub.test', '-addext', 'subjectAltName=DNS:hub.test'];
		execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject], {
			stdio: 'ignore',
		});
		const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(folder, name)));
		server = createTlsServer({ key, cert }, answer);
		await listen(server);
		tlsPort = portOf(server);
	});
	afterAll(() => {
		server?.closeAllConnections();
		server?.close();
		rmSync(folder, { recursive: true, force: true });
	});
	const env = () => ({
		HF_ENDPOINT: 'https://hub.test',
		HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}`,
		NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
	});

	test('brings the files', async () => {
		const { code, stderr } = await pull(env());
		expect([code, stderr]).toEqual([1, expect.stringMatching(reachedTheEnd)]);
		expect([...new Set(asked)]).toEqual(['CONNECT hub.test:443']);
	});

	test('does not without trust in the certificate, and tells at once how to have it', async () => {
		const { stderr } = await pull({ ...env(), NODE_EXTRA_CA_CERTS: '' });
		expect(stderr).toMatch(/Can't reach the server hub\.test.*self-signed certificate.*NODE_EXTRA_CA_CERTS/);
		expect(stderr).not.toContain('trying again');
	});

	test.each(['407 Proxy Authentication Required', '403 Forbidden'])(
		'that is refused with %s is told at once',
		async (status) => {
			refusal = status;
			const { code, stderr } = await pull(env());
			expect(code).toBe(1);
			expect(stderr).toMatch(new RegExp(`arc2face: .*hub\\.test.*${status.slice(0, 3)}.*HTTPS_PROXY`));
			expect(stderr).not.toContain('trying again');
		},
	);
});

test.each([
	['HTTPS_PROXY', 'socks5://127.0.0.1:1080'],
	['http_proxy', 'http://'],
	['HTTP_PROXY', 'ftp://anna:secret@proxy'],
])('%s with %s is refused, and no password is told', async (name, value) => {
	const { code, stdout, stderr } = await pull({ [name]: value });
	expect([code, stdout]).toEqual([2, '']);
	expect(stderr).toContain(`Expected the URL of an http or https proxy for ${name}.`);
	expect(stderr).not.toContain('secret');
});

test('a proxy that is not there is named', async () => {
	const port = portOf(proxy);
	proxy.closeAllConnections();
	await new Promise((done) => proxy.close(done));
	const { child, output, ended } = start(['pull', '--out', 'bundle'], {
		...unset,
		...{ HF_ENDPOINT: 'http://hub.test', HTTP_PROXY: `http://127.0.0.1:${port}` },
	});
	while (!output.stderr.includes('trying again') && child.exitCode === null) {
		await new Promise((done) => setTimeout(done, 20));
	}
	child.kill('SIGINT');
	expect((await ended).stderr).toContain(`ECONNREFUSED 127.0.0.1:${port}`);
});
