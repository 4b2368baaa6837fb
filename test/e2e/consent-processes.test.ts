// Ledgers that several processes use, and processes that are killed while they write.
// ARC2FACE_TEST_KILLS says how many.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DenyList } from '../../lib/consent/deny-list.ts';
import { ConsentLedger } from '../../lib/consent/ledger.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const kills = Number(process.env.ARC2FACE_TEST_KILLS ?? 12);
const folder = temporaryFolder();
const key = 'cd'.repeat(32);
const program = fileURLToPath(new URL('../ledger-process.js', import.meta.url));

/** @returns the process, its end, and what it has said so far */
function write(file: string, name: string, more: object = {}) {
	const scene = { file, key, name, entries: 3, ...more };
	const child = spawn(process.execPath, [program, JSON.stringify(scene)], { stdio: 'pipe' });
	const said = { out: '', err: '' };
	child.stdout.on('data', (text) => {
		said.out += text;
	});
	child.stderr.on('data', (text) => {
		said.err += text;
	});
	return { child, ended: once(child, 'close'), said };
}

test(`${kills} processes that are killed lose nothing that they have said is written`, async () => {
	const file = folder.path('killed.ledger');
	const known: string[] = [];
	for (let i = 0; i < kills; i++) {
		const { child, ended, said } = write(file, `p${i}`);
		// The first two are killed while they start, too; the others at any moment of their writing.
		if (i >= 2) while (said.out === '' && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
		await new Promise((done) => setTimeout(done, Math.floor(300 * Math.random())));
		child.kill('SIGKILL');
		const [code, signal] = await ended;
		expect([code, signal, said.err]).toEqual([null, 'SIGKILL', '']);
		known.push(...said.out.split('\n').slice(0, -1));
	}
	await using ledger = await ConsentLedger.open(file, { key });
	expect((await ledger.audit()).faults).toEqual([]);
	const records = new Map((await ledger.list()).map((record) => [record.subject, record]));
	expect(known.length).toBeGreaterThanOrEqual(kills - 2);
	expect(known.filter((subject) => records.get(subject)?.painted !== 2)).toEqual([]);
});

test('two processes that write at once lose no entry, and make one chain', async () => {
	const file = folder.path('shared.ledger');
	const writers = ['a', 'b'].map((name) => write(file, name, { last: 25, pauses: true }));
	// Both have begun, neither is done: the rest they write at once, however long each took to start.
	await Promise.all(writers.map(({ child }) => once(child.stdout, 'data')));
	for (const { child } of writers) child.stdin.write('go on\n');
	for (const { ended, said } of writers) expect([...(await ended), said.err]).toEqual([0, null, '']);
	await using ledger = await ConsentLedger.open(file, { key });
	const { faults, rows, records } = await ledger.audit();
	expect({ faults, rows, records }).toEqual({ faults: [], rows: 150, records: 50 });
	const { log } = await ledger.export();
	const order = log.map((entry) => entry.subject?.[0] ?? '').join('');
	// They did so at once, not one after the other.
	expect(order).toMatch(/a.*b.*a|b.*a.*b/);
});

test('what another process has revoked stays so, whoever opens the file twice in one process', async () => {
	const file = folder.path('twice.ledger');
	const elsewhere = async (work: string) => {
		const script = `
			import { ConsentLedger } from ${JSON.stringify(join(packageRoot, 'dist/lib/index.js'))};
			const ledger = await ConsentLedger.open(${JSON.stringify(file)}, { key: '${key}' });
			${work}
			await ledger.dispose();`;
		const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
		expect(await once(child, 'close')).toEqual([0, null]);
	};
	await using ledger = await ConsentLedger.open(file, { key, create: true });
	const { id } = await ledger.add({ subject: 'anna', purpose: 'ads' });
	// Opened, closed, refused: none of it may take the first one's locks away.
	const again = await ConsentLedger.open(file, { key });
	await again.list();
	await again.dispose();
	await expect(DenyList.open(file, { key })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	await elsewhere('await ledger.list();');
	await elsewhere("await ledger.revoke({ subject: 'anna' });");
	const ads = { purpose: 'ads', scope: undefined };
	await expect(ledger.logPainted([id], ads, undefined)).rejects.toMatchObject({ details: { reason: 'revoked' } });
	await ledger.dispose();
	await using last = await ConsentLedger.open(file, { key });
	expect(await last.list()).toMatchObject([{ subject: 'anna', state: 'revoked' }]);
	expect((await last.audit()).faults).toEqual([]);
});

test('a process ends by itself with a ledger that it did not close', async () => {
	const { ended, said } = write(folder.path('left.ledger'), 'x', { last: 1 });
	expect([...(await ended), said.out, said.err]).toEqual([0, null, 'x-0\n', '']);
});

describe('without the database', () => {
	// A copy of the compiled package beside which the others lie, but of the database's only some.
	const lone = async (name: string, ...packages: string[]) => {
		const root = folder.path(name);
		await cp(join(packageRoot, 'dist/lib'), join(root, 'dist/lib'), { recursive: true });
		await cp(join(packageRoot, 'dist/models'), join(root, 'dist/models'), { recursive: true });
		await cp(join(packageRoot, 'package.json'), join(root, 'package.json'));
		await mkdir(join(root, 'node_modules'));
		for (const one of await readdir(join(packageRoot, 'node_modules'))) {
			if (['libsql', '@libsql', '@neon-rs', 'detect-libc'].includes(one)) continue;
			await symlink(join(packageRoot, 'node_modules', one), join(root, 'node_modules', one));
		}
		// Not linked: from where they are, they would find the binary.
		for (const one of packages) {
			await cp(join(packageRoot, 'node_modules', one), join(root, 'node_modules', one), { recursive: true });
		}
		const script = `
			import { ConsentLedger } from './dist/lib/consent/ledger.js';
			const error = await ConsentLedger.open('a.ledger', { create: true }).catch((error) => error);
			console.log(JSON.stringify(error));`;
		const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd: root });
		let out = '';
		child.stdout.on('data', (text) => {
			out += text;
		});
		await once(child, 'close');
		return { error: JSON.parse(out), left: existsSync(join(root, 'a.ledger')) };
	};

	test.each<[string, string[]]>([
		['its package', []],
		['its binary for this system', ['libsql', '@neon-rs/load', 'detect-libc']],
	])('a ledger tells what to install: without %s', async (name, packages) => {
		expect(await lone(name, ...packages)).toEqual({
			left: false,
			error: {
				code: 'FILE_FAILED',
				problem: expect.stringContaining(
					'the package libsql, which has the database, is missing, or has none for this system',
				),
				remedy: expect.stringContaining('npm install --include=optional libsql'),
				details: { file: expect.stringMatching(/a\.ledger$/) },
			},
		});
	});
});
