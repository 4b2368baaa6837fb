// Makes docs/api.md from the comments of the code and docs/cli.md from the help of the commands, of the build in dist/.
// With --check nothing is written: it fails where a page is not what the code says.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const root = join(here, '../..');
const notice = (source) => `<!-- Made by \`npm run docs\` from ${source}. Change it there. -->\n\n`;

const pages = {
	'docs/api.md': notice('the comments in lib/') + apiPage(),
	'docs/cli.md': notice('the help of the commands') + cliPage(),
};

const stale = Object.entries(pages).filter(([file, text]) => read(file) !== text);
if (process.argv.includes('--check')) {
	for (const [file] of stale) console.error(`${file} is not what the code says. Run \`npm run docs\` and commit it.`);
	process.exitCode = stale.length === 0 ? 0 : 1;
} else {
	for (const [file, text] of stale) writeFileSync(join(root, file), text);
	console.log(stale.length === 0 ? 'All pages are fresh.' : `Wrote ${stale.map(([file]) => file).join(', ')}.`);
}

function apiPage() {
	const out = join(here, 'out');
	rmSync(out, { recursive: true, force: true });
	execFileSync(process.execPath, [join(here, 'node_modules/typedoc/bin/typedoc')], {
		cwd: here,
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	return readFileSync(join(out, 'README.md'), 'utf8').replace(/\s*$/, '\n');
}

function cliPage() {
	const overview = help();
	const commands = commandsOf(overview);
	if (commands.length < 7)
		throw new Error(`Expected at least 7 commands in the help but found ${commands.join(', ')}.`);
	return `${['# Command line', block(overview), ...commands.map((name) => section(name))].join('\n\n')}\n`;
}

/** A command, and those of its group if it is one. */
function section(...path) {
	const text = help(...path);
	const heading = `${'#'.repeat(path.length + 1)} ${path.join(' ')}`;
	return [heading, block(text), ...commandsOf(text).map((name) => section(...path, name))].join('\n\n');
}

function commandsOf(text) {
	const [, rest = ''] = text.split('\nCommands:\n');
	// A command with commands of its own lists what it prints below.
	const [list = ''] = rest.split('\n\n');
	return [...list.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
}

function help(...command) {
	const argv = [join(root, 'dist/lib/cli.js'), ...command, '--help'];
	return execFileSync(process.execPath, argv, {
		encoding: 'utf8',
		env: { ...process.env, NO_COLOR: '1', COLUMNS: '80' },
	}).trimEnd();
}

function block(text) {
	return `\`\`\`text\n${text}\n\`\`\``;
}

function read(file) {
	try {
		return readFileSync(join(root, file), 'utf8');
	} catch {
		return undefined;
	}
}
