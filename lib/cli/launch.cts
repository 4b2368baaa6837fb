#!/usr/bin/env node
// Starts the program, unless Node.js is too old for it. Written so that old versions can parse it, as they could not parse the rest.
const { engines } = require('../../../package.json');

const required: string = engines.node.replace('>=', '');
const [major = 0, minor = 0] = required.split('.').map(Number);
const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) {
	import('../cli.ts');
} else {
	console.error(`arc2face: Expected Node.js ${required} or newer but this is ${process.versions.node}.`);
	process.exitCode = 1;
}
