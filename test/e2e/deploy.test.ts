// What runs servers: Dockerfiles, a systemd unit, a Kubernetes example. Nothing of it is started here: it is checked against the commands, routes and files that it names.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { flagOf } from '../../lib/cli/wording.ts';
import serve from '../../lib/commands/serve.ts';
import worker from '../../lib/commands/worker.ts';
import { packageRoot } from '../../lib/package.ts';
import { portraitServer } from '../../lib/server/index.ts';

const read = (name: string) => readFileSync(join(packageRoot, 'docs/deploy', name), 'utf8');
const commands = { serve, worker };

/** @returns the values of its flags, all of which the command has */
function checked([name, ...args]: readonly string[]): Map<string, string> {
	const { options } = commands[name as keyof typeof commands];
	const specs = new Map(Object.entries(options).map(([option, spec]) => [flagOf(option), spec]));
	const values = new Map<string, string>();
	for (let i = 0; i < args.length; i++) {
		const spec = specs.get(args[i]!);
		expect(spec, `${name} ${args[i]}`).toBeDefined();
		values.set(args[i]!, spec!.type === 'boolean' ? '' : args[++i]!);
	}
	expect(values.size).toBeGreaterThan(3);
	return values;
}

describe.each(['Dockerfile', 'Dockerfile.cuda'])('%s', (file) => {
	const lines = read(file)
		.split('\n')
		.filter((line) => /^[A-Z]/.test(line));
	const of = (instruction: string) =>
		lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));

	test('passes what the command has, listens where it says, and is no root', () => {
		const values = checked(JSON.parse(of('CMD').at(-1)!));
		expect(values.get('--port')).toBe(of('EXPOSE')[0]);
		expect(of('HEALTHCHECK')[0]).toContain(`127.0.0.1:${values.get('--port')}/healthz`);
		for (const name of ['--keys', '--jobs', '--cache-dir'])
			expect(values.get(name)).toMatch(new RegExp(`^${of('VOLUME')[0]}/`));
		expect(of('USER')[0]).toMatch(/^(node|ubuntu)$/);
	});

	test('copies and runs what there is', () => {
		const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
		const run = of('RUN').flatMap((line) => /npm run (\S+)/.exec(line)?.[1] ?? []);
		expect(run).toContain('build');
		expect(run.filter((name) => !(name in scripts))).toEqual([]);
		const sources = of('COPY').flatMap((line) =>
			line
				.split(' ')
				.filter((word) => !word.startsWith('--'))
				.slice(0, -1),
		);
		const inClone = sources.map((source) => source.replace('/app/', '')).filter((source) => !source.startsWith('/'));
		expect(inClone.length).toBeGreaterThan(6);
		expect(inClone.filter((source) => !existsSync(join(packageRoot, source)))).toEqual([]);
		expect(of('ENTRYPOINT')[0]).toContain('/app/dist/lib/cli/launch.cjs');
	});

	test('its health check says what the server answers', async () => {
		const [command, ...args] = JSON.parse(of('HEALTHCHECK')[0]!.replace(/^.*CMD /, ''));
		expect(command).toBe('node');
		const app = fastify();
		await app.register(portraitServer);
		await app.listen({ port: 0, host: '127.0.0.1' });
		const { port } = app.server.address() as { port: number };
		const check = (at: number) =>
			new Promise((resolve) => {
				const script = args.map((arg: string) => arg.replace('8765', String(at)));
				import('node:child_process').then(({ spawn }) => spawn(process.execPath, script).on('close', resolve));
			});
		expect(await check(port)).toBe(0);
		await app.close();
		expect(await check(port)).toBe(1);
	});
});

describe('the systemd unit', () => {
	const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(read('arc2face.service'))?.[1] ?? '';

	test('passes what the command has, and waits longer than it', () => {
		const [node, launcher, ...args] = value('ExecStart').split(' ');
		expect([node, launcher]).toEqual([
			'/usr/bin/node',
			expect.stringMatching(/arc2face-native\/dist\/lib\/cli\/launch\.cjs$/),
		]);
		const values = checked(args);
		expect(Number(value('TimeoutStopSec'))).toBeGreaterThan(Number(values.get('--grace')));
		expect(values.get('--jobs')).toBe(`/var/lib/${value('StateDirectory')}/jobs.db`);
		expect(values.get('--cache-dir')).toBe(`/var/cache/${value('CacheDirectory')}`);
	});

	const systemd = spawnSync('systemd-analyze', ['--version']).status === 0;
	if (!systemd) console.log('Leaving out systemd-analyze verify: there is no systemd.');
	test.skipIf(!systemd)('is one', () => {
		const { stderr } = spawnSync('systemd-analyze', ['verify', join(packageRoot, 'docs/deploy/arc2face.service')], {
			encoding: 'utf8',
		});
		// What it names is not installed here.
		expect(stderr.split('\n').filter((line) => line !== '' && !/is not executable|does not exist/.test(line))).toEqual(
			[],
		);
	});
});

describe('the Kubernetes example', () => {
	type Container = { args: string[]; ports?: { name: string; containerPort: number }[]; volumeMounts: { name: string; mountPath: string }[] } & Record<string, { httpGet?: { path: string; port: string } }>; // biome-ignore format: one line
	type Pod = { terminationGracePeriodSeconds?: number; containers: [Container]; volumes?: { name: string }[] };
	type Part = {
		kind: string;
		metadata: { name: string };
		spec: { template?: { spec: Pod; metadata: { labels: object } }; selector?: object };
	};
	const documents = parseAllDocuments(read('kubernetes.yaml'));
	const parts = documents.map((document) => document.toJS() as Part);
	const pods = parts.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template!.spec);

	test('is YAML of whole parts', () => {
		expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
		expect(parts.map(({ kind }) => kind).sort()).toEqual([
			'Deployment',
			'Deployment',
			'PersistentVolumeClaim',
			'Service',
			'Service',
			'StatefulSet',
		]);
	});

	test('passes what the commands have, mounts what they use, and waits longer than they', () => {
		expect(pods.length).toBe(2);
		for (const {
			containers: [container],
			terminationGracePeriodSeconds = 0,
			volumes = [],
		} of pods) {
			const values = checked(container.args);
			expect(terminationGracePeriodSeconds).toBeGreaterThan(Number(values.get('--grace')) + 5);
			const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
			for (const name of ['--results', '--cache-dir', '--keys']) {
				const path = values.get(name);
				if (path !== undefined)
					expect(
						mounts.some((mount) => path.startsWith(mount)),
						path,
					).toBe(true);
			}
			expect(volumes.map(({ name }) => name).sort()).toEqual(container.volumeMounts.map(({ name }) => name).sort());
			expect(parts.map(({ metadata }) => metadata.name)).toContain(new URL(values.get('--redis')!).hostname);
		}
	});

	test('probes addresses that there are', async () => {
		const app = fastify();
		await app.register(portraitServer);
		const [server] = pods.map(({ containers }) => containers[0]);
		const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((name) => server![name]!.httpGet!);
		expect(probes.map(({ port }) => port)).toEqual(['http', 'http', 'http']);
		for (const { path } of probes) expect((await app.inject(path)).statusCode).toBe(200);
		expect(server!.ports![0]!.containerPort).toBe(Number(checked(server!.args).get('--port')));
		await app.close();
	});
});
