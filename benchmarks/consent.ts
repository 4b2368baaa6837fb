/**
 * How often the thresholds of ledgers and deny lists take two people for one, and one for two, on photos of the embedded bundle's people; and what the
 * ledger costs: an entry, recognising somebody among records, reading and auditing a log.
 *
 *   npm run bench:consent -- [--records 2000] [--entries 10000]
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { embeddedThresholds } from '../lib/consent/gate.ts';
import { Arc2Face, ConsentLedger, type Identity, type Recipe } from '../lib/index.ts';
import { packageRoot } from '../lib/package.ts';

const { values } = parseArgs({
	options: { records: { type: 'string', default: '2000' }, entries: { type: 'string', default: '10000' } },
});
const [records, entries] = [Number(values.records), Number(values.entries)];

const photos = join(packageRoot, 'test/fixtures/faces');
const files = readdirSync(photos).filter((name) => /^person-\d+-\d\.jpg$/.test(name));
const people: { person: string; identity: Identity }[] = [];
{
	await using model = await Arc2Face.load({ bundle: 'tiny', device: 'cpu' });
	for (const name of files) {
		people.push({ person: name.slice(0, -6), identity: await model.encode(join(photos, name)) });
	}
}
const [same, different]: [number[], number[]] = [[], []];
for (const [i, { person, identity }] of people.entries()) {
	for (const other of people.slice(i + 1)) {
		(other.person === person ? same : different).push(identity.similarity(other.identity));
	}
}
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
console.log(`pairs of photos of one person: ${same.length}, lowest similarity ${Math.min(...same).toFixed(3)}`);
console.log(`pairs of two people: ${different.length}, highest similarity ${Math.max(...different).toFixed(3)}`);
console.log('threshold  one taken for two  two taken for one');
const percent = (part: number, all: readonly number[]) => `${((100 * part) / all.length).toFixed(2)} %`;
for (const threshold of [0.4, 0.5, embeddedThresholds.denial, embeddedThresholds.consent, 0.7]) {
	const missed = percent(same.filter((x) => x < threshold).length, same);
	const mistaken = percent(different.filter((x) => x >= threshold).length, different);
	console.log(`${threshold.toFixed(3).padStart(9)}  ${missed.padStart(17)}  ${mistaken.padStart(17)}`);
}

const folder = mkdtempSync(join(tmpdir(), 'arc2face-consent-'));
const open = () => ConsentLedger.open(join(folder, 'a.ledger'), { key: Buffer.alloc(32, 1), create: true });
const asked = { purpose: 'ads', scope: undefined };
let longest = 0;
let last = performance.now();
const timer = setInterval(() => {
	longest = Math.max(longest, performance.now() - last);
	last = performance.now();
}, 1);

async function timed(what: string, times: number, work: () => Promise<unknown>): Promise<void> {
	[longest, last] = [0, performance.now()];
	const start = last;
	await work();
	const each = (performance.now() - start) / times;
	console.log(
		`${what.padEnd(60)} ${each.toFixed(2).padStart(9)} ms, event loop held for ${longest.toFixed(0)} ms at most`,
	);
}

try {
	await using ledger = await open();
	const ids: string[] = [];
	await timed('a record with an identity', records, async () => {
		for (let i = 0; i < records; i++) {
			const identity = Float32Array.from({ length: 512 }, (_, k) => Math.sin((k + 1) * (k + 7) * (i + 0.37)));
			ids.push((await ledger.add({ subject: `s${i}`, purpose: 'ads', identity })).id);
		}
	});
	await timed('an image in the log', entries, async () => {
		for (let i = 0; i < entries; i++) {
			await ledger.logPainted([ids[i % records]!], asked, { options: { seed: i } } as Recipe);
		}
	});
	const somebody = Float32Array.from({ length: 512 }, (_, k) => Math.cos(k) / 16);
	await timed(`looking for somebody among ${records} records`, 1, () =>
		ledger.permit([{ embedding: somebody }], asked, 0.5).catch(() => {}),
	);
	{
		await using again = await open();
		await timed(`the first use of a ledger of ${records + entries} rows`, 1, () => again.list({ subject: 'nobody' }));
	}
	await timed(`an audit of it, with ${records} records`, 1, () => ledger.audit());
	await timed('erasing a record of it', 1, () => ledger.erase({ subject: 's1' }));
} finally {
	clearInterval(timer);
	rmSync(folder, { recursive: true, force: true });
}
