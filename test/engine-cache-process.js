// A process that requests one engine from the compiled cache, with a fake builder; started by engine-cache-processes.test.ts.
// Its argument is JSON; it reports on stdout in lines of JSON.
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineCache } from '../dist/lib/engines/cache.js';

const { cacheDir, description, engine, builds, buildMs, user } = JSON.parse(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));

async function build(file, signal) {
	await writeFile(file, engine.slice(0, engine.length / 2));
	await appendFile(builds, 'x');
	say({ building: file });
	await sleep(buildMs, undefined, { signal });
	await writeFile(file, engine);
}

const network = { ...description.network, graph: Buffer.from(description.network.graph, 'base64') };

if (user !== undefined) {
	// Another user may not be able to read the package, parts of which are read only when needed: so everything is used once before.
	const rehearsal = await mkdtemp(join(tmpdir(), 'arc2face-rehearsal-'));
	await new EngineCache({ cacheDir: rehearsal }).engine({ ...description, network }, (file) => writeFile(file, engine));
	await rm(rehearsal, { recursive: true });
	process.setgid(user);
	process.setuid(user);
}

try {
	const onProgress = ({ phase }) => phase === 'waiting' && say({ waiting: true });
	const file = await new EngineCache({ cacheDir }).engine({ ...description, network }, build, { onProgress });
	say({ file });
} catch ({ code, message }) {
	say({ code, message });
}
