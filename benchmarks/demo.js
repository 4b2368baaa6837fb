/** The demo: portraits of the person in the photo that comes with the repository, with the embedded bundle. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'demo');

// Eyes, nose and mouth corners in pixels, because a detector with random weights finds no face.
const keypoints = '203,100.5,246.5,102.5,223.75,126.25,205,142,243,142';
const args = ['generate', join(root, 'test/fixtures/astronaut.png'), '--keypoints', keypoints];
args.push('--bundle', 'tiny', '--count', '4', '--seed', '42', '--out', folder, '--force');

const { status } = spawnSync(process.execPath, [join(root, 'dist/lib/cli.js'), ...args], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
console.log(`
The images are in ${folder}
They are colour noise, not portraits: the networks of the embedded bundle are small and their weights are random.
For portraits get the official weights: npx arc2face pull --help`);
