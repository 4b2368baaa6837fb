// Who runs the tests: what they may do with files of other users depends on it.
export const isWindows = process.platform === 'win32';
export const isRoot = process.getuid?.() === 0;
/** A user that owns nothing. */
export const nobody = 65_534;
