// Where this package keeps files that it can make again.
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

/**
 * A folder of this package's cache.
 *
 * @param cacheDir - where the cache is (default: the user's, such as ~/.cache/arc2face)
 * @returns an absolute path
 */
export function cacheFolder(name: string, cacheDir: string = envPaths('arc2face', { suffix: '' }).cache): string {
	return resolve(join(cacheDir, name));
}
